/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flowjson.c - the ends and the process of a flow as JSON: see flowjson.h.
 */
#include "flowjson.h"

#include <arpa/inet.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const hows[] = {
#define X(sym, name, text) name,
	LWF_OWNER_HOW_LIST(X)
#undef X
};

static const char *const whys[] = {
#define X(sym, name, text) name,
	LWF_OWNER_WHY_LIST(X)
#undef X
};

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
	return value < count ? names[value] : "?";
}

static void address(const struct lwf_flow_key *key, unsigned end, char *text, size_t bytes)
{
	if (key->v6)
		inet_ntop(AF_INET6, key->address[end], text, (socklen_t)bytes);
	else
		inet_ntop(AF_INET, key->address[end] + 12, text, (socklen_t)bytes);
}

static const char *protocol_name(const struct lwf_flow_key *key)
{
	switch (key->protocol) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 58:
		return "icmpv6";
	case 132:
		return "sctp";
	default:
		return "";
	}
}

json_t *lwf_flow_ends_json(const struct lwf_flow_info *info)
{
	const struct lwf_flow_key *key = &info->key;
	unsigned local = info->local, remote = 1 - local;
	bool icmp = key->protocol == 1 || key->protocol == 58;
	char here[INET6_ADDRSTRLEN] = "", there[INET6_ADDRSTRLEN] = "";

	address(key, local, here, sizeof(here));
	address(key, remote, there, sizeof(there));
	return json_pack(
		"{s:s,s:i,s:i,s:s,s:i,s:s,s:i,s:i,s:i,s:[i,i],s:s}", "protocol", protocol_name(key),
		"protocol_number", (int)key->protocol, "family", key->v6 ? 6 : 4, "local", here,
		"local_port", icmp ? 0 : (int)key->port[local], "remote", there, "remote_port",
		icmp ? 0 : (int)key->port[remote], "icmp_id",
		icmp ? (int)key->port[LWF_ENDPOINT_LOW] : 0, "icmp_type",
		icmp ? (int)key->port[LWF_ENDPOINT_HIGH] : 0, "vlan", (int)key->vlan[0],
		(int)key->vlan[1], "direction", info->initiator == info->local ? "out" : "in");
}

json_t *lwf_flow_owner_json(const struct lwf_owner *owner)
{
	char comm[LWF_OWNER_COMM_BYTES], exe[LWF_OWNER_EXE_BYTES];
	json_t *also = json_array();

	memcpy(comm, owner->comm, sizeof(comm));
	memcpy(exe, owner->exe, sizeof(exe));
	for (unsigned char *p = (unsigned char *)comm; *p; p++)
		if (*p < 0x20 || *p >= 0x7f)
			*p = '?'; /* a process names itself as it likes */
	for (unsigned char *p = (unsigned char *)exe; *p; p++)
		if (*p < 0x20 || *p >= 0x7f)
			*p = '?';
	for (unsigned i = 0; i < LWF_OWNER_ALSO_MAX && owner->also[i]; i++)
		json_array_append_new(also, json_integer(owner->also[i]));
	return json_pack("{s:I,s:I,s:I,s:I,s:s,s:s,s:i,s:o,s:s,s:s}", "pid", (json_int_t)owner->pid,
			 "ppid", (json_int_t)owner->ppid, "start_time",
			 (json_int_t)owner->start_time, "uid",
			 owner->uid == LWF_OWNER_NO_UID ? (json_int_t)-1 : (json_int_t)owner->uid,
			 "comm", comm, "exe", exe, "holders", (int)owner->holders, "also", also,
			 "how", name_of(hows, COUNT(hows), owner->how), "why",
			 name_of(whys, COUNT(whys), owner->why));
}
