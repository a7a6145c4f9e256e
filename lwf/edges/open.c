/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.c - opens TAPs, packet sockets and the sockets to control them.
 *
 * The only file that does, so that a process with more rights can do it for us one day: each
 * function below is one request with plain data in and descriptors out. In another namespace
 * the request runs on the thread that lives there (netns.c).
 */
#include "open.h"
#include "edges.h"
#include "ifctl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/net_tstamp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Linux 6.2 */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
/* Linux 6.0 */
#ifndef IFF_NO_CARRIER
#define IFF_NO_CARRIER 0x0040
#endif

#define SEND_BUFFER_BYTES    (4 << 20)
#define RECEIVE_BUFFER_BYTES (8 << 20)
#define NOTICE_BUFFER_BYTES  (4 << 20) /* room for the notices of all frames in the kernel */
#define LISTEN_BACKLOG	     4096      /* who asks for the owner stays in it for ever */

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* Without CAP_NET_ADMIN in the first user namespace, the bounded variant must do. */
static void set_buffer(int fd, int forced, int bounded, int bytes)
{
	if (set_int(fd, SOL_SOCKET, forced, bytes))
		set_int(fd, SOL_SOCKET, bounded, bytes);
}

/* ---- control ---- */

static int open_control(void *context)
{
	int *fd = context;

	*fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *fd < 0 ? -errno : 0;
}

int lwf_open_control(const char *netns, int *fd)
{
	return lwf_netns_call(netns, open_control, fd);
}

int lwf_nic_lookup(const char *netns, const char *name, uint32_t *ifindex, struct lwf_link *link)
{
	int fd, ret;

	ret = lwf_open_control(netns, &fd);
	if (ret)
		return ret;
	if (name)
		ret = lwf_ifctl_index(fd, name, ifindex);
	if (!ret && link)
		ret = lwf_ifctl_link(fd, *ifindex, link);
	close(fd);
	return ret;
}

/* ---- TAP ---- */

struct tap_request {
	const char *name;
	struct lwf_tap_device *device;
};

/* What the host's stack may leave to us. UDP super-frames are asked for and given up if refused. */
static int offer_offloads(struct lwf_tap_device *device)
{
	const unsigned base = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	device->uso = ioctl(device->fd, TUNSETOFFLOAD, base | TUN_F_USO4 | TUN_F_USO6) == 0;
	if (device->uso)
		return 0;
	return ioctl(device->fd, TUNSETOFFLOAD, base) ? -errno : 0;
}

static int attach_tap(int control_fd, struct ifreq *ifr, struct lwf_tap_device *device)
{
	int header = (int)LWF_VNET_HEADER_BYTES, carrier = 0;
	uint32_t before = 0;
	int ret;

	device->created = lwf_ifctl_index(control_fd, device->name, &before) != 0;
	if (ioctl(device->fd, TUNSETIFF, ifr))
		return -errno;
	memcpy(device->name, ifr->ifr_name, sizeof(device->name));
	if (ioctl(device->fd, TUNSETVNETHDRSZ, &header))
		return -errno;
	ret = offer_offloads(device);
	if (ret)
		return ret;
	if (ioctl(device->fd, TUNSETCARRIER, &carrier))
		return -errno;
	ret = lwf_ifctl_index(control_fd, device->name, &device->ifindex);
	/* Somebody was faster between the look and the attach: then the device is not ours. */
	if (!ret && device->ifindex == before)
		device->created = false;
	return ret;
}

static int open_tap(void *context)
{
	struct tap_request *request = context;
	struct lwf_tap_device *device = request->device;
	struct ifreq ifr;
	int control_fd, ret;

	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_NO_CARRIER;
	memcpy(ifr.ifr_name, request->name, strlen(request->name));
	ret = open_control(&control_fd);
	if (ret)
		return ret;
	device->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (device->fd < 0) {
		ret = errno == ENOENT || errno == ENODEV ? -ENXIO
		      : errno == EACCES			 ? -EPERM
							 : -errno;
		goto out_control;
	}
	memcpy(device->name, ifr.ifr_name, sizeof(device->name));
	ret = attach_tap(control_fd, &ifr, device);
	if (ret) {
		close(device->fd);
		device->fd = -1;
	}
out_control:
	close(control_fd);
	return ret;
}

int lwf_open_tap(const char *netns, const char *name, struct lwf_tap_device *device)
{
	struct tap_request request = {name, device};

	memset(device, 0, sizeof(*device));
	device->fd = -1;
	/* '%' would make the kernel choose a number. */
	if (!*name || strlen(name) >= sizeof(device->name) || strpbrk(name, "/% \t:"))
		return -EINVAL;
	return lwf_netns_call(netns, open_tap, &request);
}

/* ---- packet sockets ---- */

struct nic_request {
	uint32_t ifindex;
	bool qdisc_kernel;
	int *fd;
	struct lwf_nic_receive *receive;
};

/* Made with protocol 0, so that it hears nothing before it is bound, and nothing at all if it only
 * sends. */
static int plain_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static int packet_socket(void)
{
	int fd = plain_socket();
	int ret;

	if (fd < 0)
		return fd;
	ret = set_int(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

static int open_sender(void *context)
{
	int *fd = context;

	*fd = plain_socket();
	return *fd < 0 ? *fd : 0;
}

int lwf_open_sender(const char *netns, int *fd)
{
	return lwf_netns_call(netns, open_sender, fd);
}

static int bind_packet(int fd, uint32_t ifindex, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)ifindex,
	};

	return bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

static int ask_for_notices(int fd)
{
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, NOTICE_BUFFER_BYTES);
	return set_int(fd, SOL_SOCKET, SO_TIMESTAMPING,
		       SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
			       SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY);
}

static int open_nic_send(void *context)
{
	struct nic_request *request = context;
	int fd = packet_socket();
	int ret;

	if (fd < 0)
		return fd;
	if (request->qdisc_kernel) {
		/* The send buffer stays small: what waits in the qdisc is bounded by it. */
		ret = ask_for_notices(fd);
	} else {
		ret = set_int(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
		set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_BYTES);
	}
	if (!ret)
		ret = bind_packet(fd, request->ifindex, 0);
	if (ret) {
		close(fd);
		return ret;
	}
	*request->fd = fd;
	return 0;
}

int lwf_open_nic_send(const char *netns, uint32_t ifindex, bool qdisc_kernel, int *fd)
{
	struct nic_request request = {ifindex, qdisc_kernel, fd, NULL};

	return lwf_netns_call(netns, open_nic_send, &request);
}

static int open_nic_receive(void *context)
{
	struct nic_request *request = context;
	struct packet_mreq member = {
		.mr_ifindex = (int)request->ifindex,
		.mr_type = PACKET_MR_PROMISC,
	};
	struct lwf_nic_receive *receive = request->receive;
	int fd = packet_socket();
	int ret;

	if (fd < 0)
		return fd;
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
	receive->ignores_outgoing = set_int(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1) == 0;
	ret = set_int(fd, SOL_PACKET, PACKET_AUXDATA, 1);
	if (ret)
		goto err_close;
	ret = bind_packet(fd, request->ifindex, ETH_P_ALL);
	if (ret)
		goto err_close;
	/* Gone by itself when the socket is closed. */
	receive->promiscuous =
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof(member)) == 0;
	receive->fd = fd;
	return 0;

err_close:
	close(fd);
	return ret;
}

int lwf_open_nic_receive(const char *netns, uint32_t ifindex, struct lwf_nic_receive *receive)
{
	struct nic_request request = {ifindex, false, NULL, receive};

	return lwf_netns_call(netns, open_nic_receive, &request);
}

/* ---- claims ---- */

struct claim_request {
	struct sockaddr_un address;
	socklen_t bytes;
	int *fd;
};

static int make_claim(struct claim_request *request, const char *abstract_name, int *fd)
{
	size_t length = strlen(abstract_name);

	memset(request, 0, sizeof(*request));
	if (length + 1 > sizeof(request->address.sun_path))
		return -ENAMETOOLONG;
	request->address.sun_family = AF_UNIX;
	/* A leading 0 byte: the abstract name space, which each network namespace has its own of.
	 */
	memcpy(request->address.sun_path + 1, abstract_name, length);
	request->bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
	request->fd = fd;
	return 0;
}

static int open_claim(struct claim_request *request, bool listening)
{
	const struct sockaddr *address = (const struct sockaddr *)&request->address;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret;

	if (fd < 0)
		return -errno;
	if (listening)
		ret = bind(fd, address, request->bytes) || listen(fd, LISTEN_BACKLOG);
	else
		ret = connect(fd, address, request->bytes);
	if (ret) {
		ret = -errno;
		close(fd);
		return ret;
	}
	*request->fd = fd;
	return 0;
}

static int open_listener(void *context)
{
	return open_claim(context, true);
}

static int open_connection(void *context)
{
	return open_claim(context, false);
}

int lwf_open_listener(const char *netns, const char *abstract_name, int *fd)
{
	struct claim_request request;
	int ret = make_claim(&request, abstract_name, fd);

	return ret ? ret : lwf_netns_call(netns, open_listener, &request);
}

int lwf_open_connection(const char *netns, const char *abstract_name, int *fd)
{
	struct claim_request request;
	int ret = make_claim(&request, abstract_name, fd);

	return ret ? ret : lwf_netns_call(netns, open_connection, &request);
}
