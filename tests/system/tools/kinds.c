/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kinds.c - frames of every kind, built from parts.
 *
 * A kind is a row: a name, a destination, an EtherType (or an 802.3 length), the bytes that follow
 * in hexadecimal, and the size to which it is filled up with a pattern (0: as long as it is). What
 * a bridge may trip over stands here: tags in every position, groups that bridges must not forward,
 * encapsulations, fragments, wrong lengths and checksums, and sizes at every edge.
 *
 * One kind is missing on purpose: a frame with EtherType 8100 and no room for the tag. A Linux
 * receiver drops it before any capture can see it, so nobody could witness its arrival.
 */
#include "kinds.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "witness.h"

#define FULL 65535u /* filled up to the MTU */

#define IP4 "450000400001400040110000 0a090001 0a090002"
#define UDP "c00013880020 0000"
#define TCP "c0001388 00000001 00000002 5018ffff 00000000"
#define IP6(nxt) \
	"60000000 0040" nxt "40 fd090000000000000000000000000001 fd090000000000000000000000000002"

static const struct kind {
	const char *name, *to;
	uint32_t type;
	const char *bytes;
	uint32_t size;
} kinds[] = {
	{"ipv4 udp", "020000000002", 0x0800, IP4 UDP, 78},
	{"ipv4 udp full", "020000000002", 0x0800, IP4 UDP, FULL},
	{"ipv4 tcp", "020000000002", 0x0800, "450000500001400040060000 0a090001 0a090002" TCP, 94},
	{"ipv4 tcp options", "020000000002", 0x0800,
	 "4600003c0001400040060000 0a090001 0a090002 01010101 c0001388 00000001 00000002 "
	 "a002ffff 00000000 020405b4 0402080a 0000000100000000 01030307",
	 0},
	{"ipv4 icmp", "020000000002", 0x0800, "450000540001400040010000 0a090001 0a090002 0800",
	 98},
	{"ipv4 igmp", "01005e000016", 0x0800,
	 "46c000280000400001020000 0a090001 e0000016 94040000 2200f9fd 00000001", 0},
	{"ipv4 ospf", "01005e000005", 0x0800, "45c000400000000001590000 0a090001 e0000005 0201",
	 78},
	{"ipv4 fragment 1", "020000000002", 0x0800,
	 "450002240007200040110000 0a090001 0a090002 c0001388 0400 0000", 562},
	{"ipv4 fragment 2", "020000000002", 0x0800, "450002240007204240110000 0a090001 0a090002",
	 562},
	{"ipv4 fragment last", "020000000002", 0x0800, "450000240007008440110000 0a090001 0a090002",
	 50},
	{"ipv4 checksum wrong", "020000000002", 0x0800,
	 "45000040000140004011dead 0a090001 0a090002" UDP, 78},
	{"ipv4 length too long", "020000000002", 0x0800,
	 "4500ffff0001400040110000 0a090001 0a090002", 78},
	{"ipv4 length too short", "020000000002", 0x0800,
	 "450000000001400040110000 0a090001 0a090002", 78},
	{"ipv4 header cut", "020000000002", 0x0800, "45000040", 0},
	{"ipv4 trailer", "020000000002", 0x0800, "4500001c0001400040110000 0a090001 0a090002" UDP,
	 200},
	{"ipv4 gre", "020000000002", 0x0800,
	 "4500006000014000402f0000 0a090001 0a090002 0000 6558 020000000003 020000000004 0800",
	 110},
	{"ipv4 in ipv4", "020000000002", 0x0800, "450000600001400040040000 0a090001 0a090002" IP4,
	 110},
	{"ipv4 sctp", "020000000002", 0x0800, "450000600001400040840000 0a090001 0a090002 0b59",
	 110},
	{"ipv4 esp", "020000000002", 0x0800, "450000600001400040320000 0a090001 0a090002 00000001",
	 110},
	{"vxlan", "020000000002", 0x0800,
	 IP4 "c00012b500400000 0800000000002a00 020000000003 020000000004 0800" IP4, 128},
	{"geneve", "020000000002", 0x0800,
	 IP4 "c00017c100400000 0240655800002a00 0102 80 01 00000000 020000000003 020000000004 0800",
	 128},
	{"dhcp", "ffffffffffff", 0x0800,
	 "450001480000000040110000 00000000 ffffffff 004400430134 0000", 342},
	{"ipv6 udp", "020000000002", 0x86dd, IP6("11") UDP, 118},
	{"ipv6 udp full", "020000000002", 0x86dd, IP6("11") UDP, FULL},
	{"ipv6 tcp", "020000000002", 0x86dd, IP6("06") TCP, 118},
	{"ipv6 neighbour", "3333ff000002", 0x86dd,
	 "60000000 0020 3a ff fd090000000000000000000000000001 ff0200000000000000000001ff000002 "
	 "8700 0000 00000000 fd090000000000000000000000000002 0101 020000000001",
	 0},
	{"ipv6 fragment 1", "020000000002", 0x86dd, IP6("2c") "11 00 0001 00000007", 118},
	{"ipv6 fragment 2", "020000000002", 0x86dd, IP6("2c") "11 00 01c0 00000007", 118},
	{"ipv6 hop-by-hop jumbo", "020000000002", 0x86dd, IP6("00") "11 00 c2 04 00010000", 118},
	{"ipv6 routing header", "020000000002", 0x86dd,
	 IP6("2b") "11 02 00 01 00000000 fd090000000000000000000000000003", 118},
	{"ipv6 header cut", "020000000002", 0x86dd, "6000", 0},
	{"arp request", "ffffffffffff", 0x0806,
	 "0001 0800 06 04 0001 020000000001 0a090001 000000000000 0a090002", 60},
	{"arp reply", "020000000002", 0x0806,
	 "0001 0800 06 04 0002 020000000001 0a090001 020000000002 0a090002", 42},
	{"vlan 5", "020000000002", 0x8100, "0005 0800" IP4 UDP, 82},
	{"vlan 4095 priority 7", "020000000002", 0x8100, "ffff 0800" IP4 UDP, 82},
	{"vlan drop eligible", "020000000002", 0x8100, "1005 0800" IP4 UDP, 82},
	{"priority tag", "020000000002", 0x8100, "e000 0800" IP4 UDP, 82},
	{"zero tag", "020000000002", 0x8100, "0000 88b5", 64},
	{"vlan full", "020000000002", 0x8100, "0005 0800" IP4 UDP, FULL},
	{"vlan arp", "ffffffffffff", 0x8100,
	 "0005 0806 0001 0800 06 04 0001 020000000001 0a090001 000000000000 0a090002", 64},
	{"vlan ipv6", "020000000002", 0x8100, "0006 86dd" IP6("11") UDP, 122},
	{"vlan llc", "0180c2000000", 0x8100, "0005 0026 424203 0000020200", 64},
	{"qinq 88a8 8100", "020000000002", 0x88a8, "0064 8100 0005 0800" IP4 UDP, 86},
	{"qinq 8100 8100", "020000000002", 0x8100, "0064 8100 0005 0800" IP4 UDP, 86},
	{"qinq 88a8 88a8 8100", "020000000002", 0x88a8, "0064 88a8 0065 8100 0005 0800" IP4 UDP,
	 90},
	{"provider tag alone", "020000000002", 0x88a8, "0064 0800" IP4 UDP, 82},
	{"provider tag full", "020000000002", 0x88a8, "0064 0800" IP4 UDP, FULL},
	{"tag 9100", "020000000002", 0x9100, "0064 8100 0005 0800" IP4 UDP, 86},
	{"spanning tree", "0180c2000000", 0x0026,
	 "424203 0000000000 8000020000000001 00000000 8000020000000001 8001 0000 1400 0200 0f00",
	 60},
	{"rapid spanning tree", "0180c2000000", 0x0027,
	 "424203 0000020200 8000020000000001 00000000 8000020000000001 8001 0000 1400 0200 0f00 00",
	 60},
	{"pvst snap", "01000ccccccd", 0x0032, "aaaa03 00000c 010b 0000020200", 64},
	{"cdp snap", "01000ccccccc", 0x0040, "aaaa03 00000c 2000 02b4", 78},
	{"is-is", "0180c2000014", 0x05dc, "fefe03 831b01001001", FULL},
	{"novell raw", "ffffffffffff", 0x0022, "ffff 0022 0000", 60},
	{"llc length lies", "020000000002", 0x0500, "424203", 60},
	{"llc null", "020000000002", 0x0003, "000003", 0},
	{"lldp", "0180c200000e", 0x88cc, "0207 04 020000000001 0404 05 65746831 0602 0078 0000",
	 60},
	{"pause frame", "0180c2000001", 0x8808, "0001 ffff", 60},
	{"lacp", "0180c2000002", 0x8809, "01 01 01 14", 124},
	{"eapol", "0180c2000003", 0x888e, "01 01 0000", 60},
	{"cfm", "0180c2000030", 0x8902, "a0 01 01 46", 100},
	{"mpls", "020000000002", 0x8847, "00064140" IP4 UDP, 82},
	{"mpls two labels", "020000000002", 0x8847, "00064040 00065140" IP4 UDP, 86},
	{"mpls multicast", "01005e000001", 0x8848, "00064140" IP4, 82},
	{"mpls pseudo wire", "020000000002", 0x8847,
	 "00064140 00000000 020000000003 020000000004 0800", 100},
	{"pppoe discovery", "ffffffffffff", 0x8863, "11 09 0000 0004 0101 0000", 60},
	{"pppoe session", "020000000002", 0x8864, "11 00 0001 0042 0021" IP4 UDP, 86},
	{"ptp", "011b19000000", 0x88f7, "00 02 002c 00 00 0200", 60},
	{"ata over ethernet", "020000000002", 0x88a2, "10 00 0001 01 00 00000001", 60},
	{"profinet", "010ecf000000", 0x8892, "fefe 05 00", 60},
	{"macsec", "020000000002", 0x88e5, "2c 00 00000001", 80},
	{"backbone tag", "020000000002", 0x88e7, "00000001 020000000003 020000000004 0800", 80},
	{"fcoe", "020000000002", 0x8906, "00", 80},
	{"wake on lan", "ffffffffffff", 0x0842, "ffffffffffff 020000000002 020000000002", 116},
	{"ethertype 0", "020000000002", 0x0000, "", 60},
	{"ethertype ffff", "020000000002", 0xffff, "", 60},
	{"ethertype 05dc", "020000000002", 0x05dc, "", 60},
	{"ethertype 05dd", "020000000002", 0x05dd, "", 60},
	{"ethertype 0600", "020000000002", 0x0600, "", 60},
	{"to nobody", "000000000000", 0x88b5, "", 60},
	{"to everybody", "ffffffffffff", 0x88b5, "", 60},
	{"to the sender", "020000000001", 0x88b5, "", 60},
	{"to a stranger", "021234567890", 0x88b5, "", 60},
	{"bare header", "020000000002", 0x88b5, "", 14},
	{"bare header ipv4", "020000000002", 0x0800, "", 14},
	{"bare header ipv6", "020000000002", 0x86dd, "", 14},
	{"bare header arp", "020000000002", 0x0806, "", 14},
	{"bare header length 0", "020000000002", 0x0000, "", 14},
};

static uint8_t digit(char c)
{
	return (uint8_t)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
}

static uint32_t hex(uint8_t *to, const char *text)
{
	uint32_t len = 0;
	bool high = true;

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		if (!isxdigit((unsigned char)*text))
			wit_die("bad digit in %s", text);
		if (high)
			to[len] = (uint8_t)(digit(*text) << 4);
		else
			to[len++] |= digit(*text);
		high = !high;
	}
	if (!high)
		wit_die("half a byte at the end");
	return len;
}

static uint32_t build(uint8_t *frame, const struct kind *kind, uint32_t mtu, uint32_t number)
{
	uint32_t size = kind->size, len;

	hex(frame, kind->to);
	hex(frame + 6, "020000000001");
	wit_put16(frame + 12, kind->type);
	len = 14 + hex(frame + 14, kind->bytes);
	if (size == FULL)
		size = mtu + (kind->type == 0x8100 ? 18 : 14);
	for (; len < size; len++)
		frame[len] = (uint8_t)(len * 7 + number);
	return len;
}

void kinds_each(uint32_t mtu, kinds_fn fn, void *context)
{
	static const uint32_t sizes[] = {14,  15,  16,	17,  18,  19,  20,  21,	 22, 31,  32,
					 33,  34,  35,	41,  42,  43,  46,  47,	 53, 54,  55,
					 59,  60,  61,	62,  63,  64,  65,  66,	 67, 127, 128,
					 129, 255, 256, 257, 511, 512, 513, 575, 576};
	static uint8_t frame[WIT_FRAME_BYTES];
	const uint32_t n = sizeof(kinds) / sizeof(kinds[0]);
	struct kind sized = {"size", "020000000002", 0x88b5, "", 0};
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++, count++)
		fn(context, kinds[i].name, frame, build(frame, &kinds[i], mtu, count));
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++, count++) {
		sized.size = sizes[i];
		fn(context, "size", frame, build(frame, &sized, mtu, count));
	}
	for (uint32_t i = 0; i < 8; i++, count++) {
		sized.size = mtu + 14 - i;
		fn(context, "size at the limit", frame, build(frame, &sized, mtu, count));
	}
	sized.type = 0x8100;
	sized.bytes = "0005 88b5";
	for (uint32_t i = 0; i < 8; i++, count++) {
		sized.size = mtu + 18 - i;
		fn(context, "tagged at the limit", frame, build(frame, &sized, mtu, count));
	}
}
