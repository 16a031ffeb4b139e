/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Programs that no other task of their CPU interrupts.
 *
 * The kernel marks a program as running on a CPU, and skips it there for whoever else comes by (a
 * "recursion miss"). A task that is preempted inside keeps the mark until it runs again: for a whole
 * slice of others, whose charges are lost. Programs of functions (fentry, fexit) can be preempted on
 * every kernel that preempts itself; programs of tracepoints since v7.0 ("tracing: Guard
 * __DECLARE_TRACE() use of __DO_TRACE_CALL() with SRCU-fast"). The scheduler's hooks run with
 * interrupts off and need none of this.
 *
 * bpf_preempt_enable() alone would gain nothing: it reschedules at once when an interrupt asked for it
 * meanwhile, and we are still inside. With interrupts off it does not, and bpf_local_irq_restore() looks
 * for no such request: the kernel meets it when it drops the mark, a few instructions later. What
 * remains is a preemption by an interrupt in those instructions, or in those before preempt_off().
 *
 * Only where user space found all of it (FB_C_NO_PREEMPT): elsewhere the verifier sees a constant 0
 * and drops the calls, which then need not exist.
 */
#pragma once

/* v6.10, fc7566ad0a82 */
static void (*const bpf_preempt_disable)(void) = (void *)FB_CALL_PREEMPT_DISABLE;
static void (*const bpf_preempt_enable)(void) = (void *)FB_CALL_PREEMPT_ENABLE;
/* v6.14, c8e2ee1f3df0 */
static void (*const bpf_local_irq_save)(unsigned long *) = (void *)FB_CALL_IRQ_SAVE;
static void (*const bpf_local_irq_restore)(unsigned long *) = (void *)FB_CALL_IRQ_RESTORE;

static __always_inline void preempt_off(void)
{
	if (settings.flags & FB_C_NO_PREEMPT)
		bpf_preempt_disable();
}

static __always_inline void preempt_on(void)
{
	unsigned long flags;

	if (settings.flags & FB_C_NO_PREEMPT) {
		bpf_local_irq_save(&flags);
		bpf_preempt_enable();
		bpf_local_irq_restore(&flags);
	}
}

/* BPF_PROG() whose body, by whichever return it ends, is not preempted. */
#define UNPREEMPTED_PROG(name, args...)                                                                      \
	name(unsigned long long *ctx);                                                                       \
	static __always_inline int name##_body(unsigned long long *ctx, ##args);                             \
	int name(unsigned long long *ctx)                                                                    \
	{                                                                                                    \
		int ret;                                                                                     \
                                                                                                             \
		preempt_off();                                                                               \
		_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wint-conversion\"")        \
			ret = name##_body(___bpf_ctx_cast(args));                                            \
		_Pragma("GCC diagnostic pop") preempt_on();                                                  \
		return ret;                                                                                  \
	}                                                                                                    \
	static __always_inline int name##_body(unsigned long long *ctx, ##args)
