// SPDX-License-Identifier: Apache-2.0
// How requests are made, and how time goes by meanwhile. The live one starts processes; tests have simulated systems.
#pragma once

#include "flyball/base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::load {

struct Start {
    std::uint64_t number = 0;  // of the request, counts from 0
    double rate = 0;           // that is offered at this instant
};

struct Ended {
    std::uint64_t number = 0;
    std::uint64_t at_ns = 0;
    bool ok = false;
};

class Launcher {
public:
    virtual ~Launcher() = default;

    [[nodiscard]] virtual std::uint64_t now_ns() const = 0;
    // Returns as soon as the request is under way. An error: this one could not be made, others may.
    [[nodiscard]] virtual Result<> start(const Start& request) = 0;
    // Until then, or until a request has ended or a stop was asked for; adds what has ended, in order of time.
    [[nodiscard]] virtual Result<> wait(std::uint64_t until_ns, std::vector<Ended>& ended) = 0;
    // It took too long. Its end is told by wait() all the same.
    virtual void kill(std::uint64_t number) = 0;
    [[nodiscard]] virtual bool stopped() = 0;
    // What the first request that wrote to its standard error had to say; empty: none did.
    [[nodiscard]] virtual std::string first_words() const { return {}; }
};

}  // namespace flyball::load
