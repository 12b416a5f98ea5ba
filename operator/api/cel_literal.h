#pragma once

#include <optional>
#include <string>
#include <string_view>

// The values that are written out in expressions of the Common Expression Language.
namespace fairway::api {

struct CelLiteral {
  std::size_t length = 0;
  std::string problem;              // empty: there is none
  std::optional<std::string> text;  // of a text, unless it is bytes or has characters by their number
};

// Of what begins with a digit, or with a dot and a digit.
CelLiteral readCelNumber(std::string_view text);

// A quote, maybe behind letters that say how to read what follows.
bool startsCelText(std::string_view text);
CelLiteral readCelText(std::string_view text);

}  // namespace fairway::api
