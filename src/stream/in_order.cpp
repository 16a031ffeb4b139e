// SPDX-License-Identifier: Apache-2.0
#include "flyball/stream/in_order.hpp"

#include <algorithm>

namespace flyball::stream {

void InOrder::on_batch(const fb_batch&, std::span<const fb_event> events)
{
    for (const fb_event& event : events) {
        if (event.hdr.ts_ns < passed_ns_)
            ++late_;
        waiting_.push_back(event);
    }
}

void InOrder::on_control(std::span<const std::byte> bytes)
{
    next_.on_control(bytes);
}

void InOrder::on_round(std::uint64_t until_ns)
{
    order_.clear();
    for (std::uint32_t i = 0; i < waiting_.size(); ++i) {
        if (waiting_[i].hdr.ts_ns < until_ns)
            order_.emplace_back(waiting_[i].hdr.ts_ns, i);
    }
    std::ranges::sort(order_);  // by index where times are the same: the order of arrival
    for (const auto& [time, index] : order_)
        next_.on_event(waiting_[index]);
    std::erase_if(waiting_, [&](const fb_event& event) { return event.hdr.ts_ns < until_ns; });
    passed_ns_ = std::max(passed_ns_, until_ns);
}

void InOrder::finish()
{
    on_round(~std::uint64_t{0});
}

}  // namespace flyball::stream
