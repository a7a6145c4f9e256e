/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_diag.c - questions to the kernel's socket diagnosis; see owner_diag.h.
 *
 * Two ways of the kernel that are written down nowhere and were tried out: the question for one UDP socket has
 * its ends swapped (it is looked up as for a packet that arrives), and a question in AF_INET finds an
 * AF_INET6 socket that serves IPv4 too, while a list in AF_INET does not have it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "owner_diag.h"

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

_Static_assert(sizeof(struct request) <= OWNER_REQUEST_BYTES, "owner_diag.h: room for a request");

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void put_address(__be32 to[4], const uint8_t from[16], bool v6)
{
	memset(to, 0, 16);
	if (v6)
		memcpy(to, from, 16);
	else
		memcpy(to, from + sizeof(mapped), 4);
}

static void take_address(uint8_t to[16], const __be32 from[4], bool v6)
{
	if (v6) {
		memcpy(to, from, 16);
		return;
	}
	memcpy(to, mapped, sizeof(mapped));
	memcpy(to + sizeof(mapped), from, 4);
}

static bool is_any(const uint8_t address[16])
{
	static const uint8_t any[16];

	return !memcmp(address + 12, any, 4) &&
	       (!memcmp(address, any, 12) || !memcmp(address, mapped, sizeof(mapped)));
}

static size_t finish(struct request *request, uint16_t flags, uint32_t sequence, uint8_t *bytes)
{
	request->header.nlmsg_len = sizeof(*request);
	request->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	request->header.nlmsg_seq = sequence;
	memcpy(bytes, request, sizeof(*request));
	return sizeof(*request);
}

size_t owner_diag_get(uint8_t bytes[OWNER_REQUEST_BYTES], const struct owner_tuple *tuple,
		      uint32_t ifindex, uint32_t sequence)
{
	struct request request = {0};
	struct inet_diag_sockid *id = &request.body.id;
	bool swapped = tuple->protocol != IPPROTO_TCP;

	request.body.sdiag_family = tuple->v6 ? AF_INET6 : AF_INET;
	request.body.sdiag_protocol = tuple->protocol;
	request.body.idiag_states = ~0u;
	id->idiag_sport = htons(swapped ? tuple->remote_port : tuple->local_port);
	id->idiag_dport = htons(swapped ? tuple->local_port : tuple->remote_port);
	put_address(id->idiag_src, swapped ? tuple->remote : tuple->local, tuple->v6);
	put_address(id->idiag_dst, swapped ? tuple->local : tuple->remote, tuple->v6);
	id->idiag_if = ifindex;
	id->idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return finish(&request, 0, sequence, bytes);
}

size_t owner_diag_list(uint8_t bytes[OWNER_REQUEST_BYTES], enum owner_list list, bool v6,
		       uint16_t port, uint32_t sequence)
{
	static const struct {
		uint8_t protocol;
		uint32_t states;
	} lists[] = {
		[OWNER_LIST_LISTENERS] = {IPPROTO_TCP, 1u << OWNER_STATE_LISTEN},
		[OWNER_LIST_ALIVE] = {IPPROTO_TCP, 1u << OWNER_STATE_ESTABLISHED |
							   1u << OWNER_STATE_SYN_SENT |
							   1u << OWNER_STATE_CLOSE_WAIT},
		[OWNER_LIST_UDP] = {IPPROTO_UDP, ~0u},
		[OWNER_LIST_UDPLITE] = {IPPROTO_UDPLITE, ~0u},
	};
	struct request request = {0};

	request.body.sdiag_family = v6 ? AF_INET6 : AF_INET;
	request.body.sdiag_protocol = lists[list].protocol;
	request.body.idiag_states = lists[list].states;
	request.body.id.idiag_sport = htons(port);
	request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return finish(&request, NLM_F_DUMP, sequence, bytes);
}

/** Looks through the attributes for the one that says so, which a bound socket has. */
static bool is_v6_only(const uint8_t *bytes, size_t left)
{
	while (left >= sizeof(struct nlattr)) {
		struct nlattr attribute;
		size_t step;

		memcpy(&attribute, bytes, sizeof(attribute));
		if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > left)
			return false;
		if (attribute.nla_type == INET_DIAG_SKV6ONLY &&
		    attribute.nla_len > sizeof(attribute))
			return bytes[sizeof(attribute)] != 0;
		step = (attribute.nla_len + 3u) & ~3u;
		if (step >= left)
			return false;
		bytes += step;
		left -= step;
	}
	return false;
}

/** Reads one socket; the request's protocol is not repeated in the answer, so it stays 0. */
static int take_socket(const uint8_t *payload, size_t bytes, struct owner_socket *socket)
{
	struct inet_diag_msg message;
	bool v6;

	if (bytes < sizeof(message))
		return -EPROTO;
	memcpy(&message, payload, sizeof(message));
	v6 = message.idiag_family == AF_INET6;
	if (!v6 && message.idiag_family != AF_INET)
		return -EPROTO;
	memset(socket, 0, sizeof(*socket));
	take_address(socket->tuple.local, message.id.idiag_src, v6);
	take_address(socket->tuple.remote, message.id.idiag_dst, v6);
	socket->tuple.local_port = ntohs(message.id.idiag_sport);
	socket->tuple.remote_port = ntohs(message.id.idiag_dport);
	socket->tuple.v6 = v6;
	socket->cookie = (uint64_t)message.id.idiag_cookie[1] << 32 | message.id.idiag_cookie[0];
	socket->inode = message.idiag_inode;
	socket->uid = message.idiag_uid;
	socket->state = message.idiag_state;
	socket->v6_only = is_v6_only(payload + sizeof(message), bytes - sizeof(message));
	return 1;
}

static int take_error(const uint8_t *payload, size_t bytes)
{
	int32_t error;

	if (bytes < sizeof(error))
		return -EPROTO;
	memcpy(&error, payload, sizeof(error));
	/* 0 is an acknowledgement, which nobody asked for; a positive one is nonsense */
	return error < 0 && error > -4096 ? error : -EPROTO;
}

int owner_diag_next(const uint8_t *answer, size_t bytes, size_t *at, uint32_t sequence,
		    struct owner_socket *socket)
{
	while (*at < bytes) {
		struct nlmsghdr header;
		const uint8_t *payload = answer + *at + NLMSG_HDRLEN;
		size_t left = bytes - *at, step;

		if (left < sizeof(header))
			return -EPROTO;
		memcpy(&header, answer + *at, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > left)
			return -EPROTO;
		step = NLMSG_ALIGN(header.nlmsg_len);
		*at += step < left ? step : left;
		if (header.nlmsg_seq != sequence)
			continue;
		switch (header.nlmsg_type) {
		case NLMSG_DONE:
			return 0;
		case NLMSG_ERROR:
			return take_error(payload, header.nlmsg_len - NLMSG_HDRLEN);
		case SOCK_DIAG_BY_FAMILY:
			return take_socket(payload, header.nlmsg_len - NLMSG_HDRLEN, socket);
		default:
			break;
		}
	}
	return -EAGAIN;
}

static bool same(const uint8_t a[16], const uint8_t b[16])
{
	return !memcmp(a, b, 16);
}

static bool is_local(const struct owner_tuple *tuple, const struct owner_socket *socket)
{
	return socket->tuple.local_port == tuple->local_port &&
	       (is_any(socket->tuple.local) || same(socket->tuple.local, tuple->local));
}

static bool is_unconnected(const struct owner_socket *socket)
{
	return is_any(socket->tuple.remote) && !socket->tuple.remote_port;
}

static bool is_peer(const struct owner_tuple *tuple, const struct owner_socket *socket)
{
	return socket->tuple.remote_port == tuple->remote_port &&
	       same(socket->tuple.remote, tuple->remote);
}

enum owner_match owner_diag_match(const struct owner_tuple *tuple,
				  const struct owner_socket *socket)
{
	if (!is_local(tuple, socket) || (socket->v6_only && !tuple->v6))
		return OWNER_MATCH_NONE;
	if (tuple->protocol == IPPROTO_TCP) {
		if (socket->state == OWNER_STATE_LISTEN)
			return OWNER_MATCH_LISTENER;
		return is_peer(tuple, socket) && same(socket->tuple.local, tuple->local)
			       ? OWNER_MATCH_EXACT
			       : OWNER_MATCH_NONE;
	}
	if (is_unconnected(socket))
		return OWNER_MATCH_BOUND;
	return is_peer(tuple, socket) ? OWNER_MATCH_EXACT : OWNER_MATCH_NONE;
}
