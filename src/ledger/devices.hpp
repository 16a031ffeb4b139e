// SPDX-License-Identifier: Apache-2.0
// Block requests: whose they are, where their time went, and behind whom they queued.
#pragma once

#include "accounts.hpp"
#include "flyball/abi/events.h"
#include "span.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

namespace flyball::ledger {

// A finished request, as a task that waits for it sees it. Times in their order.
struct Request {
    std::uint64_t submitted_ns = 0;  // its bio was queued
    std::uint64_t begun_ns = 0;      // a request was made of it
    std::uint64_t issued_ns = 0;     // handed to the driver
    std::uint64_t done_ns = 0;
};

class Devices {
public:
    void on_bio(const fb_bio& bio);
    void on_bio_held(const fb_bio& bio);

    // Calls f(tid, Request) for each task that has a bio in it.
    template <class F>
    void on_request(const fb_rq& rq, F&& f)
    {
        const Request request = times_of(rq);
        for (const Owner& owner : take_bios(rq))
            f(owner.tid, Request{std::min(owner.submitted_ns, request.begun_ns), request.begun_ns, request.issued_ns,
                                 request.done_ns});
        enqueue(rq, request);
    }

    // names: of the io controller's hierarchy.
    [[nodiscard]] std::vector<IoBlame> close(const Accounts::Names& names);

private:
    struct Owner {
        std::uint32_t tid = 0;
        std::uint64_t submitted_ns = 0;
    };
    struct Pending {
        std::uint64_t end_sector = 0;
        std::uint64_t bytes_left = 0;
        Owner owner;
    };
    struct Served {
        Span span;  // in the device
        std::uint64_t cgroup = 0;
    };
    struct Queued {
        Span span;  // before dispatch
        std::uint64_t cgroup = 0;
    };
    struct Device {
        std::map<std::uint64_t, Pending> bios;  // by first sector
        std::map<std::uint64_t, Owner> held;    // by first sector: who waits for io.max, since when
        std::deque<Served> served;              // by end
        std::deque<Queued> queued;              // whose neighbours are still to be told
    };
    struct Victim {
        std::uint64_t requests = 0, queued_ns = 0, unknown_ns = 0;
        std::unordered_map<std::uint64_t, Cell> behind;
    };

    [[nodiscard]] static Request times_of(const fb_rq& rq);
    [[nodiscard]] std::vector<Owner> take_bios(const fb_rq& rq);
    void enqueue(const fb_rq& rq, const Request& request);
    void settle(Device& device, const Queued& queued);

    std::unordered_map<std::uint32_t, Device> devices_;
    std::unordered_map<std::uint64_t, Victim> victims_;
};

}  // namespace flyball::ledger
