/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who is on the CPU, and where, at each tick of a clock (--stacks). An object of its own, so that nobody
 * else pays for it.
 *
 * Each sample goes through the ring whole, addresses and all (docs/adr/0005-stacks.md): a stack map would
 * merge stacks whose hashes collide, and names have to be found while the process lives anyway.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "flyball/abi/config.h"
#include "flyball/abi/stacks.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct fb_config settings;
volatile __u32 recording;

/* The few loads here need no plain pointers: user space loads this object without bpf/plain.bpf.h's call. */
#define plain_as(object, type) ((void *)(object))
#define plain(task)	       (task)
#include "cgroup_id.bpf.h"

#define PF_KTHREAD  0x00200000
#define STACK_BYTES (FB_STACK_FRAMES * sizeof(u64))

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* set by user space */
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct fb_stack_stats);
} stats SEC(".maps");

/* A sample is too large for the program's stack. */
struct scratch {
	u64 busy;
	struct fb_stack_sample sample;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* Memories that user space has been woken for: it reads their maps before a short process is gone. */
struct memory_key {
	u32 tgid;
	u32 exec_id;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct memory_key);
	__type(value, u8);
} seen SEC(".maps");

static __always_inline u64 wakeup_flag(struct fb_stack_sample *sample)
{
	struct memory_key key = { .tgid = sample->tgid, .exec_id = sample->exec_id };
	u8 one = 1;

	if (sample->flags & FB_STACK_KERNEL_THREAD)
		return BPF_RB_NO_WAKEUP;
	if (!bpf_map_lookup_elem(&seen, &key)) {
		bpf_map_update_elem(&seen, &key, &one, BPF_ANY);
		return BPF_RB_FORCE_WAKEUP;
	}
	return bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) > settings.wakeup_bytes ? BPF_RB_FORCE_WAKEUP :
											BPF_RB_NO_WAKEUP;
}

/* Bytes of the record, or 0. */
static __always_inline u32 fill(struct bpf_perf_event_data *ctx, struct fb_stack_sample *sample,
				struct task_struct *task)
{
	u64 id = bpf_get_current_pid_tgid();
	u64 user_bytes = 0, kernel_bytes = 0;
	long n;

	sample->cgroup_id = task_cpu_cgroup(task);
	sample->start_ns = task->group_leader->start_time;
	sample->exec_id = task->self_exec_id;
	sample->tid = (u32)id;
	sample->tgid = id >> 32;
	sample->cpu = bpf_get_smp_processor_id();
	sample->flags = task->flags & PF_KTHREAD ? FB_STACK_KERNEL_THREAD : 0;
	bpf_get_current_comm(sample->comm, sizeof(sample->comm));

	sample->user = 0;
	if (!(sample->flags & FB_STACK_KERNEL_THREAD)) {
		n = bpf_get_stack(ctx, sample->addresses, STACK_BYTES, BPF_F_USER_STACK);
		if (n < 0)
			sample->user = n;
		else
			user_bytes = n;
	}
	/* What the bounds are is known; this is for the verifier, which forgets. */
	user_bytes &= 1016;
	n = bpf_get_stack(ctx, (void *)sample->addresses + user_bytes, STACK_BYTES, 0);
	if (n > 0)
		kernel_bytes = n;
	kernel_bytes &= 1016;
	if (user_bytes)
		sample->user = user_bytes / sizeof(u64);
	sample->kernel = n > 0 ? (s32)(kernel_bytes / sizeof(u64)) : (s32)n;
	if (kernel_bytes)
		sample->flags |= FB_STACK_IN_KERNEL;
	return FB_STACK_HEADER + user_bytes + kernel_bytes;
}

SEC("perf_event")
int on_clock(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fb_stack_stats *s;
	struct scratch *own;
	u32 zero = 0, bytes;

	if (!recording)
		return 0;
	s = bpf_map_lookup_elem(&stats, &zero);
	own = bpf_map_lookup_elem(&scratches, &zero);
	if (!s || !own)
		return 0;
	if (task->pid == 0) {
		__sync_fetch_and_add(&s->idle, 1);
		return 0;
	}
	__sync_fetch_and_add(&s->attempted, 1);
	/* The clock does not interrupt itself; should a kernel let it, this is counted and not spoilt. */
	if (__sync_lock_test_and_set(&own->busy, 1)) {
		__sync_fetch_and_add(&s->dropped, 1);
		__sync_fetch_and_add(&s->busy, 1);
		return 0;
	}
	bytes = fill(ctx, &own->sample, task);
	if (bytes > sizeof(own->sample))
		bytes = sizeof(own->sample);
	if (bpf_ringbuf_output(&samples, &own->sample, bytes, wakeup_flag(&own->sample)))
		__sync_fetch_and_add(&s->dropped, 1);
	__sync_lock_test_and_set(&own->busy, 0);
	return 0;
}
