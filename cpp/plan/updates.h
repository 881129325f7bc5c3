// threads above | Instructions with state of their own: dropout and the optimizer updates, plain or fused behind the
// weight gradient of a dense layer (its tiles go from the GEMM through L1 into the update and never to memory).
#pragma once

#include <memory>
#include <vector>

#include "ops/dropout.h"
#include "ops/update.h"
#include "plan/plan.h"

namespace fastnn {

// Updates param with grad; states in the order of the optimizer's slots (a missing one: not kept). The settings advance
// by one step before each run of the program; they are shared with Python, which may change the learning rate between
// calls.
void emit_update(Plan& plan, int program, const Settings& settings, int param, int grad,
                 const std::vector<int>& states);

// The same with grad = dense_grad_bias(grad_y), which never goes to memory.
void emit_bias_update(Plan& plan, int program, const Settings& settings, int param, int grad_y,
                      const std::vector<int>& states);

// The same with grad = dense_grad_weight(grad_y, x), param in panels.
void emit_dense_update(Plan& plan, int program, const Settings& settings, int param, int grad_y, int x,
                       const std::vector<int>& states);

// Dropout; draw->call advances after each step.
void emit_dropout(Plan& plan, int program, const std::shared_ptr<DropoutDraw>& draw, double p, int x, int y, int mask);

}  // namespace fastnn
