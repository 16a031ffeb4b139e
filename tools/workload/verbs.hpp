// SPDX-License-Identifier: Apache-2.0
// The loads. Each verb does a known amount of something, prints one JSON line of what it truly did on stdout (the
// ground truth that tests compare with), and returns the exit code.
#pragma once

#include "args.hpp"

namespace workload {

int spin(const Args& args);
int hotcold(const Args& args);
int duty(const Args& args);
int sleepwake(const Args& args);
int alloc(const Args& args);
int filescan(const Args& args);
int dio(const Args& args);
int forks(const Args& args);
int forkbomb(const Args& args);
int oomgroup(const Args& args);
int churn(const Args& args);

// Those below tell how the work goes on (tell.hpp), and end early, with their truth, on SIGTERM and SIGINT.
int bursts(const Args& args);
int workset(const Args& args);
int scan(const Args& args);
int leak(const Args& args);
int pool(const Args& args);
int iostream(const Args& args);
int serve(const Args& args);

}  // namespace workload
