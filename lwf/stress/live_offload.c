/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_offload.c - takes its offloads from a device, as "ethtool -K DEVICE tx off tso off gso off" does.
 *
 * Without checksums of its own a device gets no super-frame either, of no protocol.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live_world.h"

int live_net_take_offload(const char *name)
{
	static const uint32_t commands[] = {ETHTOOL_SGSO, ETHTOOL_STSO, ETHTOOL_STXCSUM};
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	for (size_t i = 0; !err && i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct ethtool_value value = {.cmd = commands[i], .data = 0};

		request.ifr_data = (char *)&value;
		if (ioctl(fd, SIOCETHTOOL, &request))
			err = -errno;
	}
	close(fd);
	return err;
}
