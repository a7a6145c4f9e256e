/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ifctl.c - interface facts and settings by ioctl on a control socket.
 *
 * ioctl and not netlink: a send that failed must know at once why, and SIOCGIFFLAGS answers without
 * taking a lock. Never /sys: it shows the namespace it was mounted in.
 */
#include "ifctl.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

static int control(int fd, unsigned long request, struct ifreq *ifr)
{
	if (ioctl(fd, request, ifr) == 0)
		return 0;
	return errno == ENXIO ? -ENODEV : -errno;
}

/* Starts @ifr with the name that @ifindex has now. */
static int named(int fd, uint32_t ifindex, struct ifreq *ifr)
{
	memset(ifr, 0, sizeof(*ifr));
	ifr->ifr_ifindex = (int)ifindex;
	return control(fd, SIOCGIFNAME, ifr);
}

static int ethtool(int fd, uint32_t ifindex, void *request)
{
	struct ifreq ifr;
	int ret = named(fd, ifindex, &ifr);

	if (ret)
		return ret;
	ifr.ifr_data = request;
	return control(fd, SIOCETHTOOL, &ifr);
}

int lwf_ifctl_index(int control_fd, const char *name, uint32_t *ifindex)
{
	struct ifreq ifr;
	int ret;

	memset(&ifr, 0, sizeof(ifr));
	if (!*name || strlen(name) >= sizeof(ifr.ifr_name))
		return -ENODEV;
	memcpy(ifr.ifr_name, name, strlen(name));
	ret = control(control_fd, SIOCGIFINDEX, &ifr);
	if (!ret)
		*ifindex = (uint32_t)ifr.ifr_ifindex;
	return ret;
}

int lwf_ifctl_flags(int control_fd, uint32_t ifindex, bool *admin_up, bool *running)
{
	struct ifreq ifr;
	int ret = named(control_fd, ifindex, &ifr);

	if (!ret)
		ret = control(control_fd, SIOCGIFFLAGS, &ifr);
	if (ret)
		return ret;
	*admin_up = (ifr.ifr_flags & IFF_UP) != 0;
	*running = (ifr.ifr_flags & IFF_RUNNING) != 0;
	return 0;
}

int lwf_ifctl_carrier(int control_fd, uint32_t ifindex, bool *carrier)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GLINK};
	int ret = ethtool(control_fd, ifindex, &value);

	if (!ret)
		*carrier = value.data != 0;
	return ret;
}

static uint32_t speed_mbps(int control_fd, uint32_t ifindex)
{
	struct ethtool_cmd cmd = {.cmd = ETHTOOL_GSET};
	uint32_t speed;

	if (ethtool(control_fd, ifindex, &cmd))
		return 0;
	speed = ethtool_cmd_speed(&cmd);
	return speed == (uint32_t)SPEED_UNKNOWN ? 0 : speed;
}

/* All zero when the device was made without one (a virtual device). */
static void permanent_mac(int control_fd, uint32_t ifindex, uint8_t mac[6])
{
	union {
		struct ethtool_perm_addr address;
		uint8_t bytes[sizeof(struct ethtool_perm_addr) + 32]; /* the longest there is */
	} request = {.address = {.cmd = ETHTOOL_GPERMADDR, .size = 32}};

	if (!ethtool(control_fd, ifindex, &request) && request.address.size == 6)
		memcpy(mac, request.bytes + sizeof(request.address), 6);
}

int lwf_ifctl_link(int control_fd, uint32_t ifindex, struct lwf_link *link)
{
	struct ifreq ifr;
	bool running;
	int ret;

	memset(link, 0, sizeof(*link));
	ret = named(control_fd, ifindex, &ifr);
	if (!ret)
		ret = control(control_fd, SIOCGIFHWADDR, &ifr);
	if (ret)
		return ret;
	if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return -EMEDIUMTYPE;
	memcpy(link->mac, ifr.ifr_hwaddr.sa_data, sizeof(link->mac));
	ret = control(control_fd, SIOCGIFMTU, &ifr);
	if (ret)
		return ret;
	link->mtu_bytes = (uint32_t)ifr.ifr_mtu;
	ret = lwf_ifctl_flags(control_fd, ifindex, &link->admin_up, &running);
	if (ret)
		return ret;
	link->carrier = running;
	if (lwf_ifctl_carrier(control_fd, ifindex, &link->carrier) == -ENODEV)
		return -ENODEV;
	link->speed_mbps = speed_mbps(control_fd, ifindex);
	permanent_mac(control_fd, ifindex, link->permanent_mac);
	link->ifindex = ifindex;
	link->present = true;
	return 0;
}

bool lwf_ifctl_stamps_sends(int control_fd, uint32_t ifindex)
{
	struct ethtool_ts_info info = {.cmd = ETHTOOL_GET_TS_INFO};

	return ethtool(control_fd, ifindex, &info) == 0 &&
	       (info.so_timestamping & SOF_TIMESTAMPING_TX_SOFTWARE) != 0;
}

int lwf_ifctl_set_mtu(int control_fd, uint32_t ifindex, uint32_t mtu_bytes)
{
	struct ifreq ifr;
	int ret = named(control_fd, ifindex, &ifr);

	if (ret)
		return ret;
	ifr.ifr_mtu = (int)mtu_bytes;
	return control(control_fd, SIOCSIFMTU, &ifr);
}

int lwf_ifctl_set_mac(int control_fd, uint32_t ifindex, const uint8_t mac[6])
{
	struct ifreq ifr;
	int ret = named(control_fd, ifindex, &ifr);

	if (ret)
		return ret;
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
	return control(control_fd, SIOCSIFHWADDR, &ifr);
}

int lwf_ifctl_set_up(int control_fd, uint32_t ifindex, bool up)
{
	struct ifreq ifr;
	int ret = named(control_fd, ifindex, &ifr);

	if (!ret)
		ret = control(control_fd, SIOCGIFFLAGS, &ifr);
	if (ret)
		return ret;
	if (up)
		ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP);
	else
		ifr.ifr_flags = (short)(ifr.ifr_flags & ~IFF_UP);
	return control(control_fd, SIOCSIFFLAGS, &ifr);
}
