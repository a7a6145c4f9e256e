/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic_oid.c - OIDs of an interface.
 *
 * Queries are answered at once, from the link as it was told last and the edge's counters. Sets ask
 * the kernel, which takes its big lock for it: they are the helper thread's work, and PENDING until
 * its answer is back on the loop thread. What was set then comes as any other change of the link,
 * from whoever watches it. A set that the kernel works on cannot be cancelled.
 *
 * The packet filter is kept here. With promiscuous or all-multicast in it the device is told to
 * receive so; what else arrives (a virtual device has no filter of its own) is dropped by nic_rx.c
 * as `packet-filter`.
 */
#include "edge_oid.h"
#include "ifctl.h"
#include "nic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the device is told: 0 where its own address and broadcast are enough. */
static unsigned short membership(uint32_t filter)
{
	if (filter & LWF_PACKET_TYPE_PROMISCUOUS)
		return PACKET_MR_PROMISC;
	if (filter & (LWF_PACKET_TYPE_MULTICAST | LWF_PACKET_TYPE_ALL_MULTICAST))
		return PACKET_MR_ALLMULTI;
	return 0;
}

static int change_membership(int fd, uint32_t ifindex, int how, unsigned short type)
{
	struct packet_mreq member = {.mr_ifindex = (int)ifindex, .mr_type = type};

	if (!type)
		return 0;
	return setsockopt(fd, SOL_PACKET, how, &member, sizeof(member)) ? -errno : 0;
}

int lwf_nic_set_membership(int fd, uint32_t ifindex, uint32_t before, uint32_t now)
{
	int ret;

	if (membership(before) == membership(now))
		return 0;
	ret = change_membership(fd, ifindex, PACKET_ADD_MEMBERSHIP, membership(now));
	if (!ret)
		ret = change_membership(fd, ifindex, PACKET_DROP_MEMBERSHIP, membership(before));
	return ret;
}

/* On the helper thread, which alone has the job until it posts the task. */
static void run_job(struct lwf_job *job)
{
	struct lwf_nic_oid *oid = (struct lwf_nic_oid *)(void *)job;

	switch (oid->oid) {
	case LWF_OID_GEN_MAXIMUM_FRAME_SIZE:
		oid->error = lwf_ifctl_set_mtu(oid->fd, oid->ifindex, oid->number);
		break;
	case LWF_OID_802_3_CURRENT_ADDRESS:
		oid->error = lwf_ifctl_set_mac(oid->fd, oid->ifindex, oid->mac);
		break;
	default:
		oid->error =
			lwf_nic_set_membership(oid->fd, oid->ifindex, oid->before, oid->number);
		break;
	}
	close(oid->fd);
	lwf_host_post(oid->host, &oid->task);
}

static lwf_status status_of(int error)
{
	switch (error) {
	case 0:
		return LWF_STATUS_SUCCESS;
	case -ENODEV:
		return LWF_STATUS_ADAPTER_REMOVED;
	case -EINVAL:
	case -ERANGE:
	case -EADDRNOTAVAIL:
		return LWF_STATUS_INVALID_DATA;
	case -EOPNOTSUPP:
		return LWF_STATUS_NOT_SUPPORTED;
	case -ENOMEM:
	case -ENOBUFS:
		return LWF_STATUS_RESOURCES;
	default:
		return LWF_STATUS_FAILURE;
	}
}

void lwf_nic_filter_is(struct lwf_nic *nic, uint32_t filter)
{
	nic->packet_filter = filter;
	nic->receive.promiscuous = (filter & LWF_PACKET_TYPE_PROMISCUOUS) != 0;
}

/* Back on the loop thread. */
static void finished(void *context)
{
	struct lwf_nic *nic = context;
	struct lwf_nic_oid *oid = &nic->oid;
	struct lwf_oid_request *request = oid->request;

	oid->request = NULL;
	if (oid->oid == LWF_OID_GEN_CURRENT_PACKET_FILTER && !oid->error) {
		lwf_nic_filter_is(nic, oid->number);
		lwf_edge_indicate_status(&nic->edge, LWF_INDICATION_PACKET_FILTER);
	}
	if (oid->error)
		request->bytes_done = 0;
	lwf_edge_oid_completed(&nic->edge, request, status_of(oid->error));
}

lwf_status lwf_nic_oid(struct lwf_edge *edge, struct lwf_oid_request *request)
{
	struct lwf_nic *nic = lwf_nic_of(edge);
	struct lwf_nic_oid *oid = &nic->oid;
	bool is_filter = request->oid == LWF_OID_GEN_CURRENT_PACKET_FILTER;
	lwf_status status;

	if (!edge->link.present)
		return LWF_STATUS_ADAPTER_REMOVED;
	if (is_filter && nic->send_only)
		return LWF_STATUS_NOT_SUPPORTED;
	if (request->kind == LWF_OID_QUERY)
		return lwf_edge_oid_query(edge, nic->packet_filter, request);
	status = lwf_oid_check_set(request);
	if (status != LWF_STATUS_SUCCESS)
		return status;
	/* a copy of the socket: the edge may be reopened, or closed, meanwhile */
	oid->fd = fcntl(is_filter ? nic->receive.fd : nic->control_fd, F_DUPFD_CLOEXEC, 0);
	if (oid->fd < 0)
		return LWF_STATUS_RESOURCES;
	if (request->oid == LWF_OID_802_3_CURRENT_ADDRESS)
		memcpy(oid->mac, request->buffer, sizeof(oid->mac));
	else
		memcpy(&oid->number, request->buffer, sizeof(oid->number));
	oid->before = nic->packet_filter;
	oid->oid = request->oid;
	oid->ifindex = edge->link.ifindex;
	oid->host = edge->host;
	oid->request = request;
	oid->job.fn = run_job;
	oid->task.fn = finished;
	oid->task.context = nic;
	lwf_helper_submit(&oid->job);
	return LWF_STATUS_PENDING;
}
