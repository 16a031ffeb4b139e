// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/cli/compare.hpp"

namespace CLI {
class App;
}

namespace flyball::cli {

// Registers the verb; `options` must live until it has run.
CLI::App* add_compare(CLI::App& app, CompareOptions& options);

}  // namespace flyball::cli
