/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The event path: batch per CPU -> ring of that CPU -> fold when the ring is full.
 *
 * A batch is claimed by exchanging its busy word. Whoever finds it busy (an interrupt, or a
 * task that preempted a program on this CPU) writes a record of one event straight into the
 * ring: nothing waits, nothing is lost.
 */
#pragma once

static __always_inline struct fb_stats *stats_of(u32 prog)
{
	return bpf_map_lookup_elem(&stats, &prog);
}

static __always_inline void count_untracked(u32 prog)
{
	struct fb_stats *s = stats_of(prog);

	if (s && recording)
		__sync_fetch_and_add(&s->untracked, 1);
}

static __always_inline u64 wakeup_flag(void *ring)
{
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > settings.wakeup_bytes ? BPF_RB_FORCE_WAKEUP :
										    BPF_RB_NO_WAKEUP;
}

/* The caller holds the batch of this CPU. Global, as all that follows: see emit(). */
__noinline int flush_batch(u32 cpu)
{
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	struct fb_batch *batch = bpf_map_lookup_elem(&batches, &cpu);
	u32 n;

	if (!ring || !batch)
		return -1;
	n = batch->n;
	if (n > FB_BATCH_EVENTS)
		return -1;
	batch->cpu = cpu;
	batch->abi = FB_ABI_VERSION;
	batch->first_ns = batch->events[0].hdr.ts_ns;
	if (bpf_ringbuf_output(ring, batch, FB_BATCH_HEADER + (n & 31) * sizeof(struct fb_event),
			       wakeup_flag(ring)))
		return -1;
	batch->seq++;
	batch->n = 0;
	return 0;
}

static __always_inline int append(struct fb_batch *batch, u32 cpu, struct fb_event *event)
{
	u32 n = batch->n;

	if (n >= FB_BATCH_EVENTS) {
		if (flush_batch(cpu))
			return -1;
		n = 0;
	}
	batch->events[n] = *event;
	batch->n = n + 1;
	if (n + 1 == FB_BATCH_EVENTS)
		flush_batch(cpu); /* full ring: the next event tries again */
	return 0;
}

struct single_record {
	struct fb_batch_header {
		u32 busy, n, cpu, abi;
		u64 seq, first_ns;
		u64 pad[4];
	} header;
	struct fb_event event;
};

__noinline int emit_single(struct fb_event *event, u32 cpu)
{
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	struct single_record *r;

	if (!ring || !event)
		return -1;
	r = bpf_ringbuf_reserve(ring, sizeof(*r), 0);
	if (!r)
		return -1;
	__builtin_memset(&r->header, 0, sizeof(r->header));
	r->header.n = 1;
	r->header.cpu = cpu;
	r->header.abi = FB_ABI_VERSION;
	r->header.seq = FB_SEQ_SINGLE;
	r->header.first_ns = event->hdr.ts_ns;
	r->event = *event;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

/*
 * Global, so that the verifier reads it once and not at each call; hence the NULL check. Not 0: the event
 * found no room.
 */
__noinline int emit(struct fb_event *event)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct fb_batch *batch = bpf_map_lookup_elem(&batches, &cpu);
	struct fb_stats *s;
	int err;

	if (!event || !recording)
		return 0;
	s = stats_of(event->hdr.prog);
	if (!s)
		return 0;
	__sync_fetch_and_add(&s->attempted, 1);
	event->hdr.cpu = cpu;
	if (batch && !__sync_lock_test_and_set(&batch->busy, 1)) {
		err = append(batch, cpu, event);
		__sync_lock_test_and_set(&batch->busy, 0);
	} else {
		err = emit_single(event, cpu);
	}
	return err;
}

/* err: whether something of what the event says is not kept. */
__noinline int count_folded(u32 prog, int err)
{
	struct fb_stats *s = stats_of(prog);

	if (s)
		__sync_fetch_and_add(err ? &s->dropped : &s->folded, 1);
	return 0;
}

/*
 * Each kind of event has its own folding, so that a program carries that of what it sends and no other:
 * all of it in each of them was most of what the verifier read.
 */
#define EMIT(event, fold)                                                                                    \
	do {                                                                                                 \
		if (emit((struct fb_event *)(event)))                                                        \
			count_folded((event)->hdr.prog, fold(event));                                        \
	} while (0)

#define EVENT_HDR(event_type, event_prog, ts, id)                                                            \
	{ .type = (event_type),                                                                              \
	  .size = sizeof(struct fb_event),                                                                   \
	  .prog = (event_prog),                                                                              \
	  .ts_ns = (ts),                                                                                     \
	  .cgroup_id = (id) }

/* Control ring: reserve, fill, submit; a refusal is a counted drop. */
static __always_inline void *control_reserve(u32 size, u32 prog)
{
	struct fb_stats *s = stats_of(prog);
	void *r;

	if (!s)
		return NULL;
	__sync_fetch_and_add(&s->attempted, 1);
	r = bpf_ringbuf_reserve(&control, size, 0);
	if (!r)
		__sync_fetch_and_add(&s->dropped, 1);
	return r;
}

/* For records that come by the thousand and matter less: they leave half of the ring to the others. */
static __always_inline void *control_reserve_minor(u32 size, u32 prog)
{
	struct fb_stats *s;

	if (bpf_ringbuf_query(&control, BPF_RB_AVAIL_DATA) <
	    bpf_ringbuf_query(&control, BPF_RB_RING_SIZE) / 2)
		return control_reserve(size, prog);
	s = stats_of(prog);
	if (s) {
		__sync_fetch_and_add(&s->attempted, 1);
		__sync_fetch_and_add(&s->dropped, 1);
	}
	return NULL;
}

static __always_inline void control_header(struct fb_hdr *hdr, u32 type, u32 size, u32 prog, u64 id)
{
	hdr->type = type;
	hdr->size = size;
	hdr->cpu = bpf_get_smp_processor_id();
	hdr->prog = prog;
	hdr->ts_ns = bpf_ktime_get_ns();
	hdr->cgroup_id = id;
}

/*
 * Run by user space on a CPU whose batch has waited long enough (BPF_PROG_TEST_RUN on that
 * CPU). It interrupts whatever runs there: a batch in use is left for the next time.
 */
SEC("raw_tp")
int flush_cpu(void *ctx)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct fb_batch *batch = bpf_map_lookup_elem(&batches, &cpu);
	int left = 0;

	if (!batch || __sync_lock_test_and_set(&batch->busy, 1))
		return 1;
	if (batch->n)
		left = flush_batch(cpu) != 0;
	__sync_lock_test_and_set(&batch->busy, 0);
	return left;
}
