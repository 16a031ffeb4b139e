#pragma once
#include <span>
#include <string>
#include "flyball/tune/proposal.hpp"
namespace flyball::report { struct TuneTextOptions {}; std::string render_proposals_text(std::span<const tune::Proposal>, const TuneTextOptions&); std::string render_proposals_json(std::span<const tune::Proposal>); }
