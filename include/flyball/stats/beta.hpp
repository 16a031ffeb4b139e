// SPDX-License-Identifier: Apache-2.0
// The regularized incomplete beta function, from which Student's and the binomial distribution come. Pure; any thread.
#pragma once

namespace flyball::stats {

// I_x(a, b), a and b above zero; 0 and 1 outside of 0 < x < 1. Its continued fraction (DLMF 8.17.22, Abramowitz and
// Stegun 26.5.8) by Lentz's method.
[[nodiscard]] double incomplete_beta(double a, double b, double x);

}  // namespace flyball::stats
