// SPDX-License-Identifier: Apache-2.0
#include "proposal.hpp"

#include "cells.hpp"

#include <cmath>

namespace flyball::report {

Json json_text(const std::string& text)
{
    return text.empty() ? Json(nullptr) : Json(harmless(text));
}

Json json_unit(tune::Unit unit)
{
    return unit == tune::Unit::None ? Json(nullptr) : Json(name(unit));
}

Json json_interval(const std::optional<stats::Interval>& interval, NumberForm number)
{
    if (!interval || std::isnan(interval->low) || std::isnan(interval->high))
        return nullptr;
    return {{"low", number(interval->low)}, {"high", number(interval->high)}};
}

Json json_evidence(const tune::Evidence& evidence, NumberForm number)
{
    return {{"name", harmless(evidence.name)},
            {"value", number(evidence.value)},
            {"unit", json_unit(evidence.unit)},
            {"interval", json_interval(evidence.interval, number)},
            {"source", json_text(evidence.source)}};
}

Json json_refusal(const tune::Refusal& refusal)
{
    return {{"what", harmless(refusal.what)}, {"why", harmless(refusal.why)}};
}

}  // namespace flyball::report
