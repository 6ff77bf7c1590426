package com.example.model;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.cocoli.structures.CocoField;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A {@link Grip} in COCO's files: x and y. */
final class GripField implements CocoField<Grip> {
  @Override
  public String name() {
    return "grip";
  }

  @Override
  public Class<Grip> type() {
    return Grip.class;
  }

  @Override
  public Optional<Grip> read(JsonParser json) throws IOException {
    if (json.currentToken() == JsonToken.VALUE_NULL) {
      return Optional.empty();
    }
    List<Double> numbers = new ArrayList<>();
    if (json.currentToken() == JsonToken.START_ARRAY) {
      while (json.nextToken() != JsonToken.END_ARRAY) {
        numbers.add(json.getDoubleValue());
      }
    }
    if (numbers.size() != 2) {
      throw new IllegalArgumentException("it is not two numbers");
    }
    return Optional.of(new Grip(numbers.get(0), numbers.get(1)));
  }

  @Override
  public void write(JsonGenerator json, Grip part) throws IOException {
    json.writeArray(new double[] {part.x(), part.y()}, 0, 2);
  }
}
