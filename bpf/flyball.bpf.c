/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The one BPF object. One translation unit, so that loading parses BTF once; a file for each
 * family of programs. User space decides from facts which programs load (autoload).
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "flyball/abi/config.h"
#include "flyball/abi/histogram.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#include "compat.bpf.h"
#include "maps.bpf.h"
#include "preempt.bpf.h"
#include "plain.bpf.h"
#include "cgroup_id.bpf.h"
#include "fold.bpf.h"
#include "emit.bpf.h"
#include "throttle.bpf.h"
#include "memory.bpf.h"
#include "sched.bpf.h"
#include "block.bpf.h"
#include "oom.bpf.h"
#include "task.bpf.h"
#include "lifecycle.bpf.h"
#include "selftest.bpf.h"
