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

SEC("raw_tp")
int emit_selftest(struct bpf_raw_tracepoint_args *ctx)
{
	u64 first = ctx->args[0], step = ctx->args[1], id = ctx->args[2], count = ctx->args[3];

	for (u32 i = 0; i < SELFTEST_MAX && i < count; i++) {
		struct fb_selftest e = {
			.hdr = EVENT_HDR(FB_EV_SELFTEST, FB_P_SELFTEST, bpf_ktime_get_ns(), id),
			.value = first + i * step,
			.seq = i,
		};
		EMIT(&e);
	}
	return 0;
}
