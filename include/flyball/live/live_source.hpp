// SPDX-License-Identifier: Apache-2.0
// Verdicts of this machine for the scenarios of src/oom.
#pragma once

#include "flyball/base/stop_token.hpp"
#include "flyball/live/oom_live.hpp"
#include "flyball/oom/testing.hpp"

#include <vector>

namespace flyball::live {

// Both outlive it.
class LiveSource final : public oom::EpisodeSource {
public:
    LiveSource(OomLive& live, StopToken& stop) : live_(live), stop_(stop) {}

    Result<std::vector<oom::Judged>> next() override;
    std::vector<profile::OtherKill> other_kills() override { return live_.watcher().take_other_kills(); }
    bool idle() override { return live_.watcher().idle(); }
    bool stopped() override { return stop_.requested(); }
    void pretend_loss() override { live_.pretend_loss(); }
    const profile::Meta& meta() const override { return live_.meta(); }

private:
    OomLive& live_;
    StopToken& stop_;
};

}  // namespace flyball::live
