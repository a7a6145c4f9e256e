/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_owner.c - the process at this end of a flow: how it is known, by name.
 */
#include <stddef.h>

#include <lwf/flow.h>

static const struct {
	const char *name, *text;
} hows[] =
	{
#define X(sym, name, text) {name, text},
		LWF_OWNER_HOW_LIST(X)
#undef X
},
  whys[] = {
#define X(sym, name, text) {name, text},
	  LWF_OWNER_WHY_LIST(X)
#undef X
};

const char *lwf_owner_how_name(enum lwf_owner_how how)
{
	return (size_t)how < sizeof(hows) / sizeof(hows[0]) ? hows[how].name : "?";
}

const char *lwf_owner_why_name(enum lwf_owner_why why)
{
	return (size_t)why < sizeof(whys) / sizeof(whys[0]) ? whys[why].name : "?";
}

const char *lwf_owner_why_text(enum lwf_owner_why why)
{
	return (size_t)why < sizeof(whys) / sizeof(whys[0]) ? whys[why].text : "?";
}
