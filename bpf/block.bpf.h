/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Block I/O. Operations and bytes are counted a bio, where io.stat counts them; times a
 * request, from its allocation over the issue to the driver to its completion. The cgroup is
 * the bio's, never current's: a completion interrupts whoever runs.
 */
#pragma once

#define REQ_OP_MASK	0xff
#define REQ_OP_FLUSH_	2
#define REQ_OP_DISCARD_ 3

static __always_inline u32 op_of(u32 opf)
{
	u32 op = opf & REQ_OP_MASK;

	if (op == REQ_OP_DISCARD_)
		return FB_OP_DISCARD;
	if (op == REQ_OP_FLUSH_)
		return FB_OP_FLUSH;
	if (op > 1)
		return FB_OP_OTHER;
	return op;
}

static __always_inline u32 disk_dev(struct gendisk *disk)
{
	return disk ? BPF_CORE_READ(disk, major) << 20 | BPF_CORE_READ(disk, first_minor) : 0;
}

static __always_inline void emit_bio(struct bio *bio, u32 bytes, u32 type)
{
	struct fb_bio e = {
		.hdr = EVENT_HDR(type, FB_P_BIO, bpf_ktime_get_ns(), bio_cgroup(bio)),
		.sector = bio->bi_iter.bi_sector,
		.dev = disk_dev(BPF_CORE_READ(bio, bi_bdev, bd_disk)),
		.bytes = bytes,
		.op = op_of(bio->bi_opf),
		.tid = current_tid(),
	};
	EMIT(&e, fold_bio);
}

SEC("tp_btf/block_bio_queue")
int UNPREEMPTED_PROG(bio_queue, struct bio *bio)
{
	emit_bio(bio, bio->bi_iter.bi_size, FB_EV_BIO);
	return 0;
}

/*
 * The rest of a split bio is submitted again: io.stat counts one more operation and no bytes,
 * and block_bio_queue, which marks a bio as traced, stays silent.
 */
SEC("tp_btf/block_split")
int UNPREEMPTED_PROG(bio_split, struct bio *bio)
{
	emit_bio(bio, 0, FB_EV_BIO);
	return 0;
}

/*
 * io.max keeps a bio back before block_bio_queue, and a kernel worker sends it on later: the task
 * that waits for it is current only here.
 */
SEC("fexit/__blk_throtl_bio")
int UNPREEMPTED_PROG(bio_held, struct bio *bio, bool held)
{
	if (held)
		emit_bio(bio, bio->bi_iter.bi_size, FB_EV_BIO_HELD);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int UNPREEMPTED_PROG(rq_issue, struct request *rq)
{
	u64 key = (u64)rq, now = bpf_ktime_get_ns(), start = rq->start_time_ns;
	struct bio *bio = ((struct request *)plain_as(rq, FB_T_REQUEST))->bio;
	struct rq_state state = {
		.issue_ns = now,
		/* 0 when the queue keeps no times */
		.queue_ns = start && now >= start ? now - start : FB_UNKNOWN_NS,
		.cgroup_id = bio ? bio_cgroup(bio) : 0,
		.dev = disk_dev(BPF_CORE_READ(rq, q, disk)),
		.bytes = rq->__data_len,
		.left = rq->__data_len,
		.op = op_of(rq->cmd_flags),
		.sector = rq->__sector,
	};

	if (bpf_map_update_elem(&requests, &key, &state, BPF_ANY))
		count_untracked(FB_P_RQ);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int UNPREEMPTED_PROG(rq_complete, struct request *rq, int error, unsigned int nr_bytes)
{
	u64 key = (u64)rq, now;
	struct rq_state *state = bpf_map_lookup_elem(&requests, &key);

	if (!state) {
		/* issued before the recording, or a flush that never passed the issue point */
		count_untracked(FB_P_RQ);
		return 0;
	}
	if (!(u8)error && nr_bytes < state->left) {
		state->left -= nr_bytes; /* a part of it: more to come */
		return 0;
	}
	now = bpf_ktime_get_ns();
	struct fb_rq e = {
		.hdr = EVENT_HDR(FB_EV_RQ, FB_P_RQ, now, state->cgroup_id),
		.queue_ns = state->queue_ns,
		.device_ns = now > state->issue_ns ? now - state->issue_ns : 0,
		.dev = state->dev,
		.bytes = state->bytes,
		.op = state->op,
		.sector = state->sector,
		.error = (u8)error ? -5 : 0, /* blk_status_t has no errno: EIO */
	};
	bpf_map_delete_elem(&requests, &key);
	EMIT(&e, fold_rq);
	return 0;
}
