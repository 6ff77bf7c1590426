package dev.cocoli.data.formats;

import dev.cocoli.data.DataException;
import dev.cocoli.structures.Box;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/**
 * The contents of an annotation file of a VOC data set as they are written. A file that declares a
 * document type is rejected before any entity is expanded: annotations need none, and entities can
 * read other files or expand without end.
 *
 * @param fileName the image's file name; empty if the file does not say
 * @param width the image's columns; 0 if the file does not say
 * @param height the image's rows; 0 if the file does not say
 * @param objects the objects in the order of the file
 */
record VocAnnotation(String fileName, int width, int height, List<VocObject> objects) {

  /**
   * One object as it is written.
   *
   * @param className its class
   * @param box its corners; NaN where the file has no number
   * @param difficult VOC's flag
   */
  record VocObject(String className, Box box, boolean difficult) {}

  /** Thrown if the file is not XML, or not a VOC annotation. */
  static final class Malformed extends Exception {
    private static final long serialVersionUID = 1;

    Malformed(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * Reads a file.
   *
   * @throws DataException if it declares a document type
   * @throws Malformed if it is not an annotation
   */
  static VocAnnotation read(XMLInputFactory factory, Path path) throws Malformed, IOException {
    try {
      XMLStreamReader xml = factory.createXMLStreamReader(new StringReader(XmlText.read(path)));
      try {
        return new Reader(path).read(xml);
      } finally {
        xml.close();
      }
    } catch (XMLStreamException e) {
      String where = e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNumber();
      throw new Malformed(path + ": is no well-formed XML" + where + reason(e), e);
    }
  }

  /** The parser's message without the position, which the error gives already. */
  private static String reason(XMLStreamException e) {
    String message = e.getMessage() == null ? "" : e.getMessage();
    String words = message.substring(message.lastIndexOf("Message: ") + 1);
    words = words.startsWith("essage: ") ? words.substring("essage: ".length()) : message;
    words = words.strip().replaceAll("\\s+", " ");
    return words.isEmpty() ? "" : " (" + words + ")";
  }

  /**
   * Creates a factory for {@link #read}: the JDK's own, without document types and external
   * entities.
   */
  static XMLInputFactory factory() {
    XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
    factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    factory.setProperty(XMLInputFactory.IS_COALESCING, true);
    factory.setXMLResolver(
        (publicId, systemId, base, namespace) -> {
          throw new XMLStreamException("external entities are not read");
        });
    return factory;
  }

  /** The state while a file is read; used once. */
  private static final class Reader {
    private final Path path;
    private final List<VocObject> objects = new ArrayList<>();
    private String fileName = "";
    private int width;
    private int height;
    private String className = "";
    private boolean difficult;
    private float[] corners;

    Reader(Path path) {
      this.path = path;
    }

    VocAnnotation read(XMLStreamReader xml) throws XMLStreamException, Malformed {
      Deque<String> open = new ArrayDeque<>();
      StringBuilder text = new StringBuilder();
      while (xml.hasNext()) {
        switch (xml.next()) {
          case XMLStreamConstants.DTD, XMLStreamConstants.ENTITY_REFERENCE ->
              throw new DataException(
                  path
                      + ": declares a document type or entities, which annotation files must not;"
                      + " refused for safety");
          case XMLStreamConstants.START_ELEMENT -> {
            if (open.isEmpty() && !xml.getLocalName().equals("annotation")) {
              String root = xml.getLocalName();
              throw new Malformed(
                  path + ": is no VOC annotation, it starts with <" + root + ">", null);
            }
            open.addLast(pathOf(open, xml.getLocalName()));
            text.setLength(0);
            start(open.peekLast());
          }
          case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA ->
              text.append(xml.getText());
          case XMLStreamConstants.END_ELEMENT -> {
            end(open.removeLast(), text.toString().strip());
            text.setLength(0);
          }
          default -> {
            // comments and the like
          }
        }
      }
      return new VocAnnotation(fileName, width, height, List.copyOf(objects));
    }

    /**
     * Elements deeper than any of interest get an empty path; otherwise a file with a million
     * levels would fill the memory.
     */
    private static String pathOf(Deque<String> open, String element) {
      if (open.isEmpty()) {
        return element;
      }
      return open.size() < 5 ? open.peekLast() + "/" + element : "";
    }

    private void start(String element) {
      if (element.equals("annotation/object")) {
        className = "";
        difficult = false;
        corners = new float[] {Float.NaN, Float.NaN, Float.NaN, Float.NaN};
      }
    }

    private void end(String element, String text) {
      switch (element) {
        case "annotation/filename" -> fileName = text;
        case "annotation/size/width" -> width = size(text);
        case "annotation/size/height" -> height = size(text);
        case "annotation/object/name" -> className = text;
        case "annotation/object/difficult" ->
            difficult = text.equals("1") || text.equalsIgnoreCase("true");
        case "annotation/object/bndbox/xmin" -> corners[0] = coordinate(text);
        case "annotation/object/bndbox/ymin" -> corners[1] = coordinate(text);
        case "annotation/object/bndbox/xmax" -> corners[2] = coordinate(text);
        case "annotation/object/bndbox/ymax" -> corners[3] = coordinate(text);
        case "annotation/object" ->
            objects.add(
                new VocObject(
                    className, new Box(corners[0], corners[1], corners[2], corners[3]), difficult));
        default -> {
          // not of interest: pose, parts, source
        }
      }
    }

    private static int size(String text) {
      float value = coordinate(text);
      return value > 0 && value < Integer.MAX_VALUE ? Math.round(value) : 0;
    }

    private static float coordinate(String text) {
      try {
        return Float.parseFloat(text);
      } catch (NumberFormatException e) {
        return Float.NaN;
      }
    }
  }
}
