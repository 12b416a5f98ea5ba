#include "translate/message_writer.h"

#include <google/protobuf/struct.pb.h>

namespace fairway::translate {

// The byte kept for the length is one of several: the message behind it makes room.
void MessageWriter::setLongLength(std::size_t at, std::uint64_t length) {
  out_.insert(at + 1, varintSize(length) - 1, '\0');
  varint(out_.data() + at, length);
}

void addText(MessageWriter& out, std::string_view name, std::string_view value) {
  out.entry(google::protobuf::Struct::kFieldsFieldNumber, name,
            [&] { out.text(google::protobuf::Value::kStringValueFieldNumber, value); });
}

}  // namespace fairway::translate
