// SPDX-License-Identifier: BSD-2-Clause
//
// cxx-client.cc - the client library from C++: a handle that closes itself, one frame, its answer.
//
//	cxx-client STACK
#include <array>
#include <cstdint>
#include <iostream>
#include <memory>

#include <lwf/inject.h>

int main(int argc, char **argv)
{
	lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
	lwf_inject *opened = nullptr;
	lwf_error error{};

	options.stack = argc > 1 ? argv[1] : "eth1";
	if (lwf_inject_open(&options, &opened, &error)) {
		std::cerr << error.what << ": " << error.why << "; " << error.next << '\n';
		return error.exit;
	}
	const std::unique_ptr<lwf_inject, decltype(&lwf_inject_close)> handle(opened, lwf_inject_close);

	std::array<std::uint8_t, 60> bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
					   0,	 0,    0,    0,	   1,	 0x88, 0xb5};
	lwf_inject_frame frame{};
	frame.data = bytes.data();
	frame.len = bytes.size();
	if (lwf_inject_submit(handle.get(), &frame, 1, nullptr) != 1 ||
	    lwf_inject_flush(handle.get(), 5'000'000'000))
		return 1;
	lwf_inject_event event{};
	if (lwf_inject_poll(handle.get(), &event, 1) != 1)
		return 1;
	std::cout << lwf_status_name(event.status) << '\n';
	return event.status == LWF_STATUS_SUCCESS ? 0 : 1;
}
