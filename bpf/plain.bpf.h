/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Objects of the kernel that are only read.
 *
 * Since v6.3 ("bpf: Enable annotating trusted nested pointers") each load of a pointer through one that the
 * verifier trusts, as a tracepoint's arguments are, makes it look for types by name in all of vmlinux's BTF,
 * up to four of them, on each path anew: most of the time that our programs took to load. What is read
 * through an untrusted pointer is the same load.
 *
 * Only where the kernel has the function (FB_C_RDONLY_CAST); helpers that take a task want the trusted one.
 */
#pragma once

/* v6.2, a35b9af4ec2c */
static void *(*const bpf_rdonly_cast)(const void *object, __u32 btf_id) = (void *)FB_CALL_RDONLY_CAST;

static __always_inline void *plain_as(const void *object, enum fb_type type)
{
	if (settings.flags & FB_C_RDONLY_CAST)
		return bpf_rdonly_cast(object, settings.types[type]);
	return (void *)object;
}

static __always_inline struct task_struct *plain(struct task_struct *task)
{
	return plain_as(task, FB_T_TASK);
}

static __always_inline struct cfs_rq *task_queue(struct task_struct *task)
{
	return plain(task)->se.cfs_rq;
}

/* Of the CPU that it runs or waits on. */
static __always_inline struct rq *task_rq(struct task_struct *task)
{
	return task_queue(task)->rq;
}
