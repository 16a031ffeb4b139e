// SPDX-License-Identifier: Apache-2.0
#include "workload.hpp"

#include <fmt/format.h>

#include <utility>

namespace flyball::live {

Result<Workload> Workload::open(const WorkloadOptions& options, const cgroup::Layout& layout,
                                const std::function<void(std::string_view)>& say)
{
    auto listener = WorkloadListener::start(
        {.file = options.metrics_file, .patterns = options.metrics_patterns, .output_fd = options.output_fd});
    if (!listener)
        return std::unexpected(std::move(listener.error()));
    Workload made(std::move(*listener));
    process::SpawnOptions told = made.listener_.spawn_options();
    told.output_to(options.output_fd);
    told.environment.insert(told.environment.end(), options.environment.begin(), options.environment.end());
    process::SpawnOptions plain{.environment = options.environment, .descriptors = {}};
    plain.output_to(options.output_fd);
    if (!options.command.empty()) {
        auto command =
            CommandInCgroup::make(options.command, layout, options.limits, say, options.load.empty() ? told : plain);
        if (!command)
            return std::unexpected(std::move(command.error()));
        made.command_.emplace(std::move(*command));
    }
    if (!options.load.empty()) {
        auto load = CommandInCgroup::make(options.load, layout, {}, say, told);
        if (!load)
            return std::unexpected(std::move(load.error()));
        made.load_.emplace(std::move(*load));
    }
    return made;
}

Result<> Workload::start_command()
{
    return command_ ? command_->child.release() : Result<>{};
}

Result<> Workload::start_load()
{
    return load_ ? load_->child.release() : Result<>{};
}

const process::Child* Workload::teller() const
{
    return load_ ? &load_->child : command_ ? &command_->child : nullptr;
}

int Workload::end_fd() const
{
    const process::Child* const child = teller();
    return child != nullptr ? child->pidfd() : -1;
}

Result<std::optional<process::ExitStatus>> Workload::look()
{
    process::Child* const child = load_ ? &load_->child : command_ ? &command_->child : nullptr;
    if (child == nullptr || status_)
        return status_;
    auto ended = child->wait_ms(0);
    if (!ended)
        return std::unexpected(std::move(ended.error()));
    status_ = *ended;
    if (load_ && command_ && !failed_service_) {
        auto service = command_->child.wait_ms(0);
        if (!service)
            return std::unexpected(std::move(service.error()));
        if (*service && (*service)->shell_code() != 0)
            failed_service_ = *service;
    }
    // Load on a service that has gone measures nothing.
    if (!status_ && failed_service_)
        status_ = failed_service_;
    return status_;
}

std::vector<std::string> Workload::complaints() const
{
    std::vector<std::string> all;
    const Understanding told = listener_.understanding();
    if (told.not_understood > 0)
        all.push_back(fmt::format("{} {} of the workload's metrics not understood, the first: {}", told.not_understood,
                                  told.not_understood == 1 ? "line was" : "lines were", told.first_not_understood));
    if (std::string trouble = listener_.trouble(); !trouble.empty())
        all.push_back(std::move(trouble));
    return all;
}

}  // namespace flyball::live
