#include "data/glyphs.h"

namespace fastnn {
namespace {

constexpr Pass start = Pass::start, corner = Pass::corner;

constexpr Knot zero_plain[] = {{40, 0, start}, {12, 20}, {2, 56}, {22, 96}, {52, 90}, {70, 50}, {60, 12}, {36, 0}};
constexpr Knot zero_tail[] = {{48, 6, start}, {16, 14}, {2, 56}, {22, 97}, {54, 88},
                              {68, 46},       {58, 8},  {34, 3}, {22, 20}};
constexpr Knot one_plain[] = {{30, 0, start}, {30, 100}};
constexpr Knot one_flag[] = {{12, 22, start}, {32, 0, corner}, {32, 100}};
constexpr Knot one_base[] = {{10, 20, start}, {32, 0, corner}, {32, 99}, {2, 100, start}, {32, 99}, {64, 98}};
constexpr Knot two_plain[] = {{4, 18, start}, {26, 1},         {54, 10}, {50, 38},
                              {28, 68},       {2, 97, corner}, {36, 96}, {72, 94}};
constexpr Knot two_loop[] = {{18, 24, start}, {38, 0}, {60, 16}, {50, 50}, {26, 84},
                             {4, 96},         {2, 78}, {24, 74}, {48, 88}, {80, 84}};
constexpr Knot two_swan[] = {{16, 22, start}, {36, 0},  {58, 12}, {52, 40}, {28, 74},
                             {0, 96, corner}, {22, 84}, {46, 94}, {80, 86}};
constexpr Knot two_zed[] = {{4, 6, start}, {30, 3}, {58, 4, corner}, {30, 50}, {2, 96, corner}, {34, 97}, {68, 95}};
constexpr Knot three_round[] = {{6, 12, start}, {32, 0},  {54, 14}, {46, 36}, {22, 46, corner},
                                {52, 54},       {60, 78}, {38, 99}, {2, 92}};
constexpr Knot three_flat[] = {{6, 4, start}, {54, 2, corner}, {28, 38, corner}, {58, 54},
                               {58, 84},      {30, 100},       {0, 90}};
constexpr Knot three_loop[] = {{4, 14, start}, {32, 0},  {54, 16}, {40, 38},  {20, 46}, {24, 38},
                               {38, 44},       {58, 62}, {54, 88}, {28, 100}, {0, 92}};
constexpr Knot three_tail[] = {{8, 10, start}, {34, 0},  {56, 10}, {44, 32}, {22, 44, corner},
                               {48, 50},       {50, 74}, {26, 94}, {-8, 100}};
constexpr Knot four_open[] = {{10, 0, start}, {4, 30},        {2, 54, corner}, {30, 54},
                              {66, 50},       {54, 4, start}, {50, 50},        {44, 100}};
constexpr Knot four_slant[] = {{30, 6, start}, {12, 34},       {0, 58, corner}, {30, 58},
                               {70, 50},       {62, 0, start}, {48, 50},        {34, 100}};
constexpr Knot four_wide[] = {{4, 0, start}, {2, 30},        {6, 56, corner}, {36, 60},
                              {74, 56},      {70, 2, start}, {66, 50},        {62, 100}};
constexpr Knot four_round[] = {{4, 0, start}, {4, 34}, {22, 54}, {46, 48}, {58, 6, corner}, {54, 50}, {48, 100}};
constexpr Knot four_y[] = {{6, 6, start}, {10, 34}, {28, 46}, {54, 30}, {66, 0, corner}, {46, 50}, {28, 100}};
constexpr Knot four_closed[] = {{44, 0, start}, {20, 34},       {0, 66, corner}, {36, 66},
                                {74, 64},       {44, 0, start}, {44, 50},        {44, 100}};
constexpr Knot five_two[] = {{16, 2, start}, {10, 22}, {6, 44, corner}, {34, 40}, {58, 58}, {52, 86},
                             {26, 100},      {0, 94},  {14, 3, start},  {40, 3},  {72, 0}};
constexpr Knot five_one[] = {{68, 0, start}, {42, 3},  {18, 4, corner}, {12, 24},  {6, 46, corner},
                             {34, 42},       {58, 60}, {50, 88},        {24, 100}, {0, 92}};
constexpr Knot five_ess[] = {{64, 2, start}, {34, 2}, {14, 20}, {22, 42}, {48, 56}, {54, 82}, {28, 100}, {0, 92}};
constexpr Knot five_small[] = {{30, 8, start}, {22, 26}, {16, 46, corner}, {36, 46}, {46, 64},
                               {32, 88},       {0, 100}, {28, 8, start},   {60, 5},  {92, 0}};
constexpr Knot six_curved[] = {{52, 0, start}, {24, 22}, {6, 56},  {16, 94}, {44, 96},
                               {60, 74},       {46, 56}, {22, 64}, {12, 86}};
constexpr Knot six_straight[] = {{44, 0, start}, {22, 34}, {4, 74}, {14, 98}, {42, 94}, {56, 72}, {38, 58}, {10, 82}};
constexpr Knot six_wide[] = {{30, 0, start}, {10, 30}, {4, 70},  {26, 100}, {60, 92},
                             {72, 66},       {52, 50}, {26, 62}, {16, 86}};
constexpr Knot six_low[] = {{34, 0, start}, {12, 40}, {2, 80}, {26, 100}, {64, 90}, {66, 68}, {40, 66}, {16, 86}};
constexpr Knot seven_plain[] = {{2, 8, start}, {30, 6}, {64, 2, corner}, {44, 46}, {26, 100}};
constexpr Knot seven_bar[] = {{2, 8, start}, {30, 6},         {62, 2, corner}, {44, 46},
                              {26, 100},     {12, 54, start}, {36, 52},        {62, 50}};
constexpr Knot seven_serif[] = {{2, 26, start}, {6, 5, corner}, {34, 8}, {66, 2, corner}, {46, 46}, {30, 100}};
constexpr Knot seven_high[] = {{2, 30, start}, {8, 5, corner}, {36, 12}, {64, 0, corner}, {50, 50}, {44, 100}};
constexpr Knot seven_curved[] = {{0, 14, start}, {32, 2}, {62, 10}, {54, 44}, {34, 100}};
constexpr Knot eight_ess[] = {{58, 12, start}, {34, 0}, {10, 18}, {30, 44}, {56, 70},
                              {38, 99},        {8, 82}, {30, 48}, {54, 26}, {54, 8}};
constexpr Knot eight_open[] = {{58, 8, start}, {32, 2}, {12, 20}, {28, 44}, {50, 68},
                               {36, 98},       {8, 88}, {22, 58}, {50, 32}, {72, 2}};
constexpr Knot eight_rings[] = {{32, 0, start},  {10, 20}, {30, 44},  {54, 22}, {32, 0},
                                {30, 44, start}, {4, 74},  {32, 100}, {60, 72}, {30, 44}};
constexpr Knot nine_curved[] = {{54, 14, start}, {30, 0},          {6, 20},  {16, 44},
                                {40, 40},        {54, 12, corner}, {54, 50}, {44, 100}};
constexpr Knot nine_straight[] = {{50, 6, start}, {22, 2},         {4, 24},  {20, 46},
                                  {46, 34},       {56, 4, corner}, {50, 50}, {40, 100}};
constexpr Knot nine_small[] = {{50, 8, start}, {32, 0},         {14, 14}, {20, 34},
                               {42, 28},       {52, 8, corner}, {46, 50}, {28, 100}};
constexpr Knot nine_wide[] = {{60, 14, start}, {30, 0},         {0, 22},  {12, 42},
                              {42, 36},        {62, 8, corner}, {58, 50}, {52, 100}};
constexpr Knot nine_hook[] = {{54, 12, start},  {30, 0},  {6, 20},  {14, 46}, {38, 44},
                              {55, 14, corner}, {58, 56}, {44, 94}, {14, 98}};

template <std::size_t count>
constexpr Form form(const Knot (&knots)[count], int share) {
    static_assert(count <= max_knots);
    return {knots, count, share};
}

// clang-format off
constexpr Form forms[] = {
    form(zero_plain, 65), form(zero_tail, 35),
    form(one_plain, 80), form(one_flag, 10), form(one_base, 10),
    form(two_plain, 30), form(two_loop, 35), form(two_swan, 20), form(two_zed, 15),
    form(three_round, 45), form(three_flat, 15), form(three_loop, 15), form(three_tail, 25),
    form(four_open, 30), form(four_slant, 25), form(four_wide, 15), form(four_round, 15), form(four_y, 5), form(four_closed, 10),
    form(five_two, 30), form(five_one, 30), form(five_ess, 20), form(five_small, 20),
    form(six_curved, 35), form(six_straight, 25), form(six_wide, 20), form(six_low, 20),
    form(seven_plain, 40), form(seven_bar, 20), form(seven_serif, 10), form(seven_high, 15), form(seven_curved, 15),
    form(eight_ess, 45), form(eight_open, 35), form(eight_rings, 20),
    form(nine_curved, 25), form(nine_straight, 25), form(nine_small, 20), form(nine_wide, 20), form(nine_hook, 10),
};
// clang-format on

constexpr int total_share() {
    int total = 0;
    for (const Form& form : forms) total += form.share;
    return total;
}
static_assert(total_share() == 10 * 100, "the shares of each digit's forms add up to 100");

}  // namespace

const Form& written_form(int digit, int writer) {
    const Form* choice = forms;
    for (int rest = 100 * digit + writer; rest >= choice->share; ++choice) rest -= choice->share;
    return *choice;
}

}  // namespace fastnn
