/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hosts.h - what this folder offers; all of it is public.
 */
#ifndef LWF_HOSTS_HOSTS_H
#define LWF_HOSTS_HOSTS_H

#include <lwf/hosts.h>

#endif
