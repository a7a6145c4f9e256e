/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_capture.c - a packet socket with a ring (TPACKET_V2), of no device in particular: devices go and
 * come again, and none is missed.
 *
 * Only what comes in is taken: what a device of the namespace sends is somebody else's to see. In front of
 * each frame stands what the kernel tells of its checksum; a tag that it keeps beside the frame is put
 * back where it was.
 */
#include "live_capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "open.h"

#define RING_BYTES  (16u << 20)
#define BLOCK_LEAST (64u << 10)
#define SLOT_BESIDE 128u /* the headers of a slot, with what they are aligned to */
#define TAG_BYTES   4u

/* TPACKET_ALIGN(), without a sign. */
static uint32_t aligned(uint32_t bytes)
{
	return (bytes + TPACKET_ALIGNMENT - 1) & ~(TPACKET_ALIGNMENT - 1u);
}

static int set_int(int fd, int option, int value)
{
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) ? -errno : 0;
}

static int make_ring(struct live_capture *capture, uint32_t longest)
{
	struct tpacket_req request = {.tp_block_size = BLOCK_LEAST};
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	void *ring;

	capture->slot_bytes = aligned(longest + TAG_BYTES + SLOT_BESIDE);
	if (request.tp_block_size < capture->slot_bytes)
		request.tp_block_size = (capture->slot_bytes + page - 1) / page * page;
	capture->block_bytes = request.tp_block_size;
	request.tp_frame_size = capture->slot_bytes;
	request.tp_block_nr = RING_BYTES / request.tp_block_size;
	request.tp_frame_nr = request.tp_block_nr * (request.tp_block_size / capture->slot_bytes);
	capture->slots = request.tp_frame_nr;
	if (setsockopt(capture->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)))
		return -errno;
	capture->bytes = (size_t)request.tp_block_nr * request.tp_block_size;
	ring = mmap(NULL, capture->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, capture->fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	capture->ring = ring;
	return 0;
}

int live_capture_open(struct live_capture *capture, uint32_t longest)
{
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int err;

	memset(capture, 0, sizeof(*capture));
	err = lwf_open_sender(NULL, &capture->fd); /* deaf until it is bound */
	if (err)
		return err;
	err = set_int(capture->fd, PACKET_VERSION, TPACKET_V2);
	if (!err)
		err = set_int(capture->fd, PACKET_VNET_HDR, 1);
	if (!err)
		err = set_int(capture->fd, PACKET_IGNORE_OUTGOING, 1);
	if (!err)
		err = make_ring(capture, longest);
	if (!err && bind(capture->fd, (struct sockaddr *)&all, sizeof(all)))
		err = -errno;
	if (err)
		live_capture_close(capture);
	return err;
}

void live_capture_close(struct live_capture *capture)
{
	if (capture->ring)
		munmap(capture->ring, capture->bytes);
	if (capture->fd >= 0)
		close(capture->fd);
	capture->ring = NULL;
	capture->fd = -1;
}

static struct tpacket2_hdr *slot_of(const struct live_capture *capture)
{
	uint32_t each = capture->block_bytes / capture->slot_bytes;
	size_t at = (size_t)(capture->next / each) * capture->block_bytes +
		    (size_t)(capture->next % each) * capture->slot_bytes;

	return (struct tpacket2_hdr *)(void *)(capture->ring + at);
}

/* The tag that the kernel took out goes back to its place; in front there is room. */
static uint8_t *put_tag(const struct tpacket2_hdr *slot, uint8_t *data)
{
	bool has_tpid = slot->tp_status & TP_STATUS_VLAN_TPID_VALID;
	uint16_t tpid = htons(has_tpid ? slot->tp_vlan_tpid : ETH_P_8021Q);
	uint16_t tci = htons(slot->tp_vlan_tci);

	memmove(data - TAG_BYTES, data, 2 * ETH_ALEN);
	data -= TAG_BYTES;
	memcpy(data + 2 * ETH_ALEN, &tpid, sizeof(tpid));
	memcpy(data + 2 * ETH_ALEN + sizeof(tpid), &tci, sizeof(tci));
	return data;
}

bool live_capture_next(struct live_capture *capture, struct live_captured *captured)
{
	struct tpacket2_hdr *slot = slot_of(capture);
	uint32_t status = __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);
	uint8_t *data = (uint8_t *)slot + slot->tp_mac;
	struct virtio_net_hdr told;
	struct sockaddr_ll from;
	uint32_t tag = 0;

	if (!(status & TP_STATUS_USER))
		return false;
	memcpy(&from, (uint8_t *)slot + aligned(sizeof(*slot)), sizeof(from));
	memcpy(&told, data - sizeof(told), sizeof(told));
	if (slot->tp_snaplen < slot->tp_len)
		capture->missed++;
	if (status & TP_STATUS_VLAN_VALID) {
		tag = TAG_BYTES;
		data = put_tag(slot, data);
	}
	captured->ifindex = from.sll_ifindex;
	captured->frame = (struct stress_frame){
		.data = data,
		.len = slot->tp_snaplen + tag,
		.is_super = told.gso_type != VIRTIO_NET_HDR_GSO_NONE,
		.needs_csum = status & TP_STATUS_CSUMNOTREADY,
		.csum_start = told.csum_start + tag,
		.csum_offset = told.csum_offset,
	};
	return true;
}

void live_capture_done(struct live_capture *capture)
{
	__atomic_store_n(&slot_of(capture)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	capture->next = (capture->next + 1) % capture->slots;
}

void live_capture_account(struct live_capture *capture)
{
	struct tpacket_stats stats;
	socklen_t bytes = sizeof(stats);

	/* each question begins the kernel's count anew */
	if (getsockopt(capture->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
		capture->missed += stats.tp_drops;
}

bool live_capture_name(const struct live_capture *capture, int ifindex, char *name)
{
	struct ifreq request = {.ifr_ifindex = ifindex};

	if (ioctl(capture->fd, SIOCGIFNAME, &request))
		return false;
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return true;
}
