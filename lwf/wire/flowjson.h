/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flowjson.h - the ends and the process of a flow as JSON, the same wherever they are told: in lwfctl
 * flows, in lwfctl verdict show, and to the program of lwfctl verdict serve.
 */
#ifndef LWF_FLOWJSON_H
#define LWF_FLOWJSON_H

#include <jansson.h>

#include <lwf/flow.h>

/** {protocol, family, local, local_port, remote, ... direction}: of a flow by its key. The caller owns it; NULL
 * without memory. */
json_t *lwf_flow_ends_json(const struct lwf_flow_info *info);

/** {pid, ... comm, exe, how, why}: what is no printable ASCII in the texts is told as "?". Likewise. */
json_t *lwf_flow_owner_json(const struct lwf_owner *owner);

#endif
