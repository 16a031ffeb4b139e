// Any bytes as what a workload tells, in any pieces: the same is understood as of the whole, and nothing is negative.
#include "flyball/tune/workload.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using flyball::tune::Performance;
using flyball::tune::WorkloadMeter;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

WorkloadMeter meter()
{
    WorkloadMeter made;
    require(made.add_pattern("throughput: ([0-9.]+)").has_value());
    require(made.add_pattern("op:took (.*)").has_value());
    (void)made.take(0);
    return made;
}

void check(const Performance& told)
{
    require(!told.rate || (*told.rate >= 0 && !std::isnan(*told.rate)));
    require(told.done >= 0 && told.failed >= 0);
    require(told.latency_ns.bucket_total() == told.latency_ns.count());
    for (const auto& [name, values] : told.values) {
        require(!name.empty() && !values.empty());
        for (const double value : values)
            require(std::isfinite(value));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t piece = size == 0 ? 1 : 1 + data[0] % 16U;
    constexpr std::uint64_t kSecond = 1'000'000'000;
    WorkloadMeter whole = meter(), cut = meter();
    whole.feed_metrics(text, kSecond);
    whole.feed_output(text, kSecond);
    for (std::size_t at = 0; at < size; at += piece)
        cut.feed_metrics(text.substr(at, piece), kSecond);
    for (std::size_t at = 0; at < size; at += piece)
        cut.feed_output(text.substr(at, piece), kSecond);
    const Performance a = whole.take(2 * kSecond), b = cut.take(2 * kSecond);
    check(a);
    check(b);
    require(whole.understood() == cut.understood() && whole.not_understood() == cut.not_understood());
    require(whole.first_not_understood() == cut.first_not_understood() && whole.first_not_understood().size() <= 80);
    require(a.rate == b.rate && a.done == b.done && a.failed == b.failed && a.values == b.values);
    require(a.latency_ns == b.latency_ns && a.reports == b.reports);
    if (size > 1)
        (void)whole.add_pattern(text.substr(0, 64));
    return 0;
}
