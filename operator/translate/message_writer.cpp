#include "translate/message_writer.h"

#include <google/protobuf/struct.pb.h>

namespace fairway::translate {

void addText(MessageWriter& out, std::string_view name, std::string_view value) {
  out.entry(google::protobuf::Struct::kFieldsFieldNumber, name,
            [&] { out.text(google::protobuf::Value::kStringValueFieldNumber, value); });
}

}  // namespace fairway::translate
