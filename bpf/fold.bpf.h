/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Folding: when a ring is full its events go into histograms in the kernel, with the buckets of
 * user space, so that the merged distribution is the one that the events would have given.
 * Each fold_*() of an event is 0 when everything that it says is kept.
 */
#pragma once

struct fold_extremes {
	struct fb_fold_value *total;
	u64 value;
};

/* One try. 1: there is no need for another. */
static long fold_extremes(u32 try, struct fold_extremes *x)
{
	u64 min = *(volatile u64 *)&x->total->min, max = *(volatile u64 *)&x->total->max;
	long done = 1;

	if (x->value < min && __sync_val_compare_and_swap(&x->total->min, min, x->value) != min)
		done = 0;
	if (x->value > max && __sync_val_compare_and_swap(&x->total->max, max, x->value) != max)
		done = 0;
	return done;
}

__noinline int fold_total(u64 id, u32 metric, u64 value, u64 times)
{
	struct fb_fold_key key = { .cgroup_id = id, .metric = metric, .bucket = FB_FOLD_TOTAL };
	struct fb_fold_value *total = bpf_map_lookup_elem(&fold_totals, &key);

	if (!total) {
		struct fb_fold_value none = { .min = ~0ULL };

		bpf_map_update_elem(&fold_totals, &key, &none, BPF_NOEXIST);
		total = bpf_map_lookup_elem(&fold_totals, &key);
		if (!total)
			return -1;
	}
	__sync_fetch_and_add(&total->count, times);
	__sync_fetch_and_add(&total->sum, value);
	/* a few times: another CPU may win in between */
	bpf_loop(8, fold_extremes, &(struct fold_extremes){ .total = total, .value = value }, 0);
	return 0;
}

__noinline int fold_value(u64 id, u32 metric, u64 value)
{
	struct fb_fold_key key = { .cgroup_id = id, .metric = metric, .bucket = fb_hist_bucket(value) };
	u64 *count = bpf_map_lookup_elem(&fold_buckets, &key);

	if (!count) {
		u64 zero = 0;

		bpf_map_update_elem(&fold_buckets, &key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&fold_buckets, &key);
		if (!count)
			return -1;
	}
	__sync_fetch_and_add(count, 1);
	return fold_total(id, metric, value, 1);
}

/* A plain count: n occurrences. */
static __always_inline int fold_count(u64 id, u32 metric, u64 n)
{
	return n ? fold_total(id, metric, n, n) : 0;
}

/* Global: so much of it comes after each of the many ways through a switch. */
__noinline int fold_switch(struct fb_switch *s)
{
	u64 next, prev;
	int err = 0;

	if (!s)
		return -1;
	next = s->hdr.cgroup_id;
	prev = s->prev_cgroup_id;
	if ((s->flags & FB_SW_PREV_SLICE) && !(s->flags & FB_SW_PREV_IDLE))
		err |= fold_value(prev, FB_M_CPU_SLICE, s->slice_ns);
	if (s->flags & FB_SW_PREV_THROTTLED)
		err |= fold_count(prev, FB_M_THROTTLED_SWITCHES, 1);
	else if (s->flags & FB_SW_PREV_RUNNABLE)
		err |= fold_count(prev, FB_M_PREEMPTIONS, 1);
	if (s->flags & FB_SW_NEXT_WAIT)
		err |= fold_value(next, FB_M_CPU_WAIT, s->wait_ns);
	err |= fold_count(next, FB_M_WAKEUPS, s->wakeups);
	err |= fold_count(next, FB_M_MIGRATIONS, s->migrations);
	return err;
}

static __always_inline int fold_charge(struct fb_charge *c)
{
	int err;

	if (c->ret)
		return fold_total(c->hdr.cgroup_id, FB_M_CHARGE_FAILED, c->bytes, 1);
	err = fold_value(c->hdr.cgroup_id, FB_M_MEM_CHARGE, c->bytes);
	if (c->stall_ns)
		err |= fold_value(c->hdr.cgroup_id, FB_M_MEM_CHARGE_STALL, c->stall_ns);
	return err;
}

static __always_inline int fold_stall(struct fb_stall *s)
{
	u64 id = s->hdr.cgroup_id;
	int err;

	switch (s->kind) {
	case FB_STALL_HIGH:
		return fold_value(id, FB_M_MEM_HIGH, s->duration_ns);
	case FB_STALL_REFAULT:
		return fold_value(id, FB_M_MEM_REFAULT, s->duration_ns);
	case FB_STALL_GLOBAL:
		return fold_value(id, FB_M_MEM_GLOBAL_RECLAIM, s->duration_ns);
	default:
		err = fold_value(id, FB_M_MEM_RECLAIM, s->duration_ns);
		return err | fold_total(id, FB_M_RECLAIMED_PAGES, s->amount, 1);
	}
}

static __always_inline int fold_rq(struct fb_rq *r)
{
	u64 id = r->hdr.cgroup_id;
	u32 write = r->op == FB_OP_WRITE;
	int err = 0;

	if (r->error)
		err |= fold_count(id, FB_M_IO_ERRORS, 1);
	if (r->op > FB_OP_WRITE)
		return err | fold_value(id, FB_M_IO_DEVICE_OTHER, r->device_ns);
	err |= fold_value(id, FB_M_IO_DEVICE_READ + write, r->device_ns);
	if (r->queue_ns == FB_UNKNOWN_NS)
		return err | fold_value(id, FB_M_IO_TOTAL_READ + write, r->device_ns);
	err |= fold_value(id, FB_M_IO_QUEUE_READ + write, r->queue_ns);
	return err | fold_value(id, FB_M_IO_TOTAL_READ + write, r->queue_ns + r->device_ns);
}

static __always_inline int fold_task(struct fb_task *t)
{
	u32 metric = t->kind == FB_TASK_FORK ? FB_M_FORKS :
		     t->kind == FB_TASK_EXIT ? FB_M_EXITS :
					       FB_M_FORKS_REFUSED;
	int err = fold_count(t->hdr.cgroup_id, metric, 1);

	if (t->pids_current != FB_UNKNOWN_PIDS)
		err |= fold_total(t->hdr.cgroup_id, FB_M_PIDS_PEAK, t->pids_current, 1);
	return err;
}

static __always_inline int fold_held(struct fb_held *h)
{
	return fold_value(h->hdr.cgroup_id, FB_M_CPU_THROTTLED_WAIT, h->held_ns);
}

static __always_inline int fold_throttle(struct fb_throttle *t)
{
	return fold_value(t->hdr.cgroup_id,
			  t->kind == FB_THROTTLE_OWN ? FB_M_THROTTLE_OWN : FB_M_THROTTLE_INHERITED,
			  t->duration_ns);
}

static __always_inline int fold_bio(struct fb_bio *b)
{
	if (b->hdr.type == FB_EV_BIO_HELD)
		return 0; /* its FB_EV_BIO counts it */
	if (b->op > FB_OP_WRITE)
		return fold_total(b->hdr.cgroup_id, FB_M_IO_SIZE_OTHER, b->bytes, 1);
	return fold_value(b->hdr.cgroup_id, FB_M_IO_SIZE_READ + b->op, b->bytes);
}

static __always_inline int fold_migrate(struct fb_migrate *m)
{
	return 0; /* the switch that ends the wait counts it */
}

static __always_inline int fold_selftest(struct fb_selftest *t)
{
	return fold_value(t->hdr.cgroup_id, FB_M_SELFTEST, t->value);
}
