package dev.cocoli.report;

import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;

/** Arranges several images with their detections and captions on one sheet. */
public final class DetectionSheet {

  private static final Color PAPER = new Color(0x1d2127);
  private static final Color INK = new Color(0xdfe4ea);
  private static final int GAP = 14;
  private static final int CAPTION_HEIGHT = 24;
  private static final int TITLE_HEIGHT = 40;

  private final DetectionPainter painter;
  private final int columns;
  private final int cellSide;

  /**
   * One image of the sheet.
   *
   * @param image the image
   * @param detections boxes in pixels of the image
   * @param groundTruth the objects, drawn dashed; without boxes if there is no ground truth
   * @param caption a short text, such as the file name
   */
  public record Entry(
      BufferedImage image, List<Detection> detections, Target groundTruth, String caption) {}

  /**
   * Creates a sheet with cells of 360 pixels.
   *
   * @param classNames the classes, in the order of their labels
   * @param columns the number of columns
   */
  public DetectionSheet(List<String> classNames, int columns) {
    this(classNames, columns, 360);
  }

  /**
   * Creates a sheet.
   *
   * @param classNames the classes, in the order of their labels
   * @param columns the number of columns
   * @param cellSide the longest side of an image, in pixels
   */
  public DetectionSheet(List<String> classNames, int columns, int cellSide) {
    if (columns < 1 || cellSide < 32) {
      throw new IllegalArgumentException(
          "a sheet needs a column and cells of 32 pixels: " + columns + ", " + cellSide);
    }
    this.painter = new DetectionPainter(classNames);
    this.columns = columns;
    this.cellSide = cellSide;
  }

  /**
   * Draws the sheet.
   *
   * @param title written at the top
   * @param entries the images, row by row; at least one
   * @return the sheet
   * @throws IllegalStateException if the machine has no font
   */
  public BufferedImage paint(String title, List<Entry> entries) {
    if (entries.isEmpty()) {
      throw new IllegalArgumentException("a sheet needs at least one image");
    }
    int across = Math.min(columns, entries.size());
    int down = Math.ceilDiv(entries.size(), across);
    // the height of a row is that of its highest image
    int[] rowHeights = new int[down];
    for (int i = 0; i < entries.size(); i++) {
      int height = scaled(entries.get(i).image())[1];
      rowHeights[i / across] = Math.max(rowHeights[i / across], height + CAPTION_HEIGHT);
    }
    int height = TITLE_HEIGHT + GAP;
    for (int rowHeight : rowHeights) {
      height += rowHeight + GAP;
    }
    BufferedImage sheet =
        new BufferedImage(GAP + across * (cellSide + GAP), height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = sheet.createGraphics();
    try {
      graphics.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      graphics.setColor(PAPER);
      graphics.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
      header(graphics, title, entries, sheet.getWidth());
      graphics.setFont(Lettering.font(Font.PLAIN, 13));
      int top = TITLE_HEIGHT + GAP;
      for (int i = 0; i < entries.size(); i++) {
        cell(graphics, entries.get(i), GAP + i % across * (cellSide + GAP), top);
        if (i % across == across - 1) {
          top += rowHeights[i / across] + GAP;
        }
      }
    } finally {
      graphics.dispose();
    }
    return sheet;
  }

  private void header(Graphics2D graphics, String title, List<Entry> entries, int width) {
    boolean withGroundTruth =
        entries.stream().anyMatch(entry -> !entry.groundTruth().boxes().isEmpty());
    String key = withGroundTruth ? "solid: found     dashed: ground truth" : "";
    graphics.setColor(INK);
    graphics.setFont(Lettering.font(Font.PLAIN, 13));
    int keyWidth = graphics.getFontMetrics().stringWidth(key);
    boolean roomy = width > 480;
    if (roomy) {
      graphics.drawString(key, width - GAP - keyWidth, GAP + 20);
    }
    graphics.setFont(Lettering.font(Font.BOLD, 18));
    int room = width - 2 * GAP - (roomy ? keyWidth + GAP : 0);
    graphics.drawString(fit(title, graphics.getFontMetrics(), room), GAP, GAP + 21);
  }

  private void cell(Graphics2D graphics, Entry entry, int left, int top) {
    int[] size = scaled(entry.image());
    BufferedImage painted =
        painter.paint(entry.image(), size[0], size[1], entry.detections(), entry.groundTruth());
    int x = left + (cellSide - size[0]) / 2;
    graphics.drawImage(painted, x, top, null);
    graphics.setColor(INK);
    FontMetrics metrics = graphics.getFontMetrics();
    String caption = fit(entry.caption(), metrics, cellSide);
    graphics.drawString(
        caption, left + (cellSide - metrics.stringWidth(caption)) / 2, top + size[1] + 17);
  }

  private int[] scaled(BufferedImage image) {
    double scale = (double) cellSide / Math.max(image.getWidth(), image.getHeight());
    return new int[] {
      Math.max(1, (int) Math.round(image.getWidth() * scale)),
      Math.max(1, (int) Math.round(image.getHeight() * scale))
    };
  }

  private static String fit(String text, FontMetrics metrics, int room) {
    String shown = text;
    while (shown.length() > 1 && metrics.stringWidth(shown) > room) {
      shown = shown.substring(0, shown.length() - 2).stripTrailing() + "\u2026";
    }
    return shown;
  }
}
