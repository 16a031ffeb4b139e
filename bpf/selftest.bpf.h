/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Synthetic events of known value through the real event path: tests run it with any ring size. */
#pragma once

struct selftest_args {
	u64 first; /* of a sequence of values: first, first + step, ... */
	u64 step;
	u64 cgroup_id;
	u64 count; /* at most SELFTEST_MAX a run */
};
#define SELFTEST_MAX 1024

static long emit_value(u32 i, struct selftest_args *args)
{
	struct fb_selftest e = {
		.hdr = EVENT_HDR(FB_EV_SELFTEST, FB_P_SELFTEST, bpf_ktime_get_ns(), args->cgroup_id),
		.value = args->first + i * args->step,
		.seq = i,
	};
	EMIT(&e, fold_selftest);
	return 0;
}

SEC("raw_tp")
int emit_selftest(struct bpf_raw_tracepoint_args *ctx)
{
	struct selftest_args args = {
		.first = ctx->args[0],
		.step = ctx->args[1],
		.cgroup_id = ctx->args[2],
		.count = ctx->args[3],
	};

	bpf_loop(args.count < SELFTEST_MAX ? args.count : SELFTEST_MAX, emit_value, &args, 0);
	return 0;
}
