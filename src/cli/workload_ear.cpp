// SPDX-License-Identifier: Apache-2.0
#include "workload_ear.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace flyball::cli {

Result<WorkloadEar> WorkloadEar::open(const std::string& file, const std::vector<std::string>& patterns, bool command)
{
    WorkloadEar ear;
    if (!patterns.empty() && !command)
        return fail(ErrorKind::Usage, "--metrics-regex reads a command's output, and there is no command", "add -- CMD, or give --metrics FILE");
    for (const std::string& pattern : patterns) {
        if (auto added = ear.meter_.add_pattern(pattern); !added)
            return std::unexpected(std::move(added.error()).context("--metrics-regex"));
    }
    const auto make = [](std::optional<cgroup::WorkloadPipe>& into) -> Result<> {
        auto pipe = cgroup::WorkloadPipe::make();
        if (!pipe)
            return std::unexpected(std::move(pipe.error()));
        into.emplace(std::move(*pipe));
        return {};
    };
    if (command) {
        // Its output is not ours: standard output is for the result.
        for (auto* pipe : {&ear.metrics_, &ear.output_}) {
            if (auto made = make(*pipe); !made)
                return std::unexpected(std::move(made.error()));
        }
    }
    if (!file.empty()) {
        auto opened = cgroup::WorkloadFile::open(file);
        if (!opened)
            return std::unexpected(std::move(opened.error()).context("--metrics"));
        ear.file_.emplace(std::move(*opened));
    }
    return ear;
}

cgroup::SpawnOptions WorkloadEar::spawn_options() const
{
    cgroup::SpawnOptions options;
    if (metrics_)
        metrics_->give_metrics(options);
    if (output_)
        output_->give_output(options);
    return options;
}

Result<> WorkloadEar::listen(std::uint64_t now_ns)
{
    std::string text;
    const auto read = [&](auto& from) -> Result<bool> {
        text.clear();
        return from.read(text);
    };
    if (metrics_) {
        if (auto got = read(*metrics_); !got)
            return std::unexpected(std::move(got.error()));
        meter_.feed_metrics(text, now_ns);
    }
    if (file_) {
        if (auto got = read(*file_); !got)
            return std::unexpected(std::move(got.error()));
        meter_.feed_metrics(text, now_ns);
    }
    if (output_) {
        if (auto got = read(*output_); !got)
            return std::unexpected(std::move(got.error()));
        meter_.feed_output(text, now_ns);
        (void)!::write(STDERR_FILENO, text.data(), text.size());
    }
    return {};
}

std::optional<std::string> WorkloadEar::not_understood() const
{
    const std::uint64_t n = meter_.not_understood();
    if (n == 0)
        return std::nullopt;
    return fmt::format("{} {} of the workload's metrics not understood, the first: {}", n, n == 1 ? "line was" : "lines were", meter_.first_not_understood());
}

}  // namespace flyball::cli
