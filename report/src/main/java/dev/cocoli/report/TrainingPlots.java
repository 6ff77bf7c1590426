package dev.cocoli.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.text.DecimalFormat;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Plots a training run: the losses by step and AP by epoch. */
public final class TrainingPlots {

  /** The name of the file with the losses. */
  public static final String LOSSES_FILE = "losses.png";

  /** The name of the file with AP. */
  public static final String AP_FILE = "ap.png";

  private static final int WIDTH = 1000;
  private static final int HEIGHT = 600;

  /** The largest number of points that get a tick each. */
  private static final int MAX_TICKED_POINTS = 12;

  /** The largest number of points that get a mark each. */
  private static final int MAX_MARKED_POINTS = 40;

  // the palette of Okabe and Ito, which colour-blind people can tell apart
  private static final Color BLACK = new Color(0x202020);
  private static final Color BLUE = new Color(0x0072b2);
  private static final Color ORANGE = new Color(0xe69f00);
  private static final List<Color> PARTS =
      List.of(
          BLUE,
          ORANGE,
          new Color(0x009e73),
          new Color(0xcc79a7),
          new Color(0xd55e00),
          new Color(0x56b4e9));
  private static final Color PALE = new Color(0xc9cdd2);

  private TrainingPlots() {}

  /**
   * Writes the plots of a run, finished or stopped, into its folder.
   *
   * @param run a run folder, with a {@code metrics.jsonl}
   * @throws IOException if that cannot be read, or a plot cannot be written
   * @throws IllegalStateException if the machine has no font
   */
  public static void write(Path run) throws IOException {
    write(TrainingLog.read(run.resolve("metrics.jsonl")), run);
  }

  /**
   * Writes the plots for which the log has points.
   *
   * @param log the run
   * @param folder an existing folder; {@value #LOSSES_FILE} and {@value #AP_FILE} are written to it
   * @throws IOException if a file cannot be written
   * @throws IllegalStateException if the machine has no font
   */
  public static void write(TrainingLog log, Path folder) throws IOException {
    if (!log.steps().isEmpty()) {
      PngFile.write(losses(log.steps()), folder.resolve(LOSSES_FILE));
    }
    if (!log.evaluations().isEmpty()) {
      PngFile.write(averagePrecision(log.evaluations()), folder.resolve(AP_FILE));
    }
  }

  /**
   * Plots the loss and its parts, smoothed, over the steps.
   *
   * @param steps the logged steps, ascending; at least one
   * @return the plot
   * @throws IllegalStateException if the machine has no font
   */
  public static BufferedImage losses(List<StepMetrics> steps) {
    if (steps.isEmpty()) {
      throw new IllegalArgumentException("there are no steps to plot");
    }
    XYChart chart = chart("Losses", "step", "loss");
    double[] x = steps.stream().mapToDouble(StepMetrics::step).toArray();
    double[] raw = values(steps, StepMetrics::loss);
    double top = top(raw);
    chart.getStyler().setYAxisMin(0.0).setYAxisMax(top);
    line(chart, "loss (not smoothed)", x, clip(raw, top), PALE, 1);
    line(chart, "loss", x, smooth(clip(raw, top)), BLACK, 3);
    Set<String> names = new LinkedHashSet<>();
    steps.forEach(step -> names.addAll(step.losses().keySet()));
    int number = 0;
    for (String name : names) {
      double[] part = values(steps, step -> step.losses().getOrDefault(name, Double.NaN));
      line(chart, name, x, smooth(clip(part, top)), PARTS.get(number++ % PARTS.size()), 2);
    }
    roundTicks(chart, x);
    return BitmapEncoder.getBufferedImage(chart);
  }

  /**
   * Plots AP, AP50 and AP75 over the epochs.
   *
   * @param evaluations by ascending epoch; at least one
   * @return the plot
   * @throws IllegalStateException if the machine has no font
   */
  public static BufferedImage averagePrecision(List<EvaluationMetrics> evaluations) {
    if (evaluations.isEmpty()) {
      throw new IllegalArgumentException("there are no evaluations to plot");
    }
    Optional<EvaluationMetrics> best =
        evaluations.stream()
            .filter(evaluation -> evaluation.ap() >= 0)
            .max(Comparator.comparingDouble(EvaluationMetrics::ap));
    String title =
        best.map(
                b ->
                    String.format(
                        Locale.ROOT,
                        "Average precision (best: AP %.3f, AP50 %.3f after epoch %s)",
                        b.ap(),
                        b.ap50(),
                        new DecimalFormat("0.##").format(b.epoch())))
            .orElse("Average precision");
    XYChart chart = chart(title, "epoch", "AP");
    chart.getStyler().setYAxisMin(0.0).setYAxisMax(1.0);
    double[] x = evaluations.stream().mapToDouble(EvaluationMetrics::epoch).toArray();
    line(chart, "AP50", x, fromZero(evaluations, EvaluationMetrics::ap50), BLUE, 2);
    line(chart, "AP75", x, fromZero(evaluations, EvaluationMetrics::ap75), ORANGE, 2);
    line(chart, "AP", x, fromZero(evaluations, EvaluationMetrics::ap), BLACK, 3);
    roundTicks(chart, x);
    return BitmapEncoder.getBufferedImage(chart);
  }

  private static XYChart chart(String title, String xTitle, String yTitle) {
    Font bold = Lettering.font(Font.BOLD, 18);
    Font plain = Lettering.font(Font.PLAIN, 14);
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(xTitle)
            .yAxisTitle(yTitle)
            .build();
    XYStyler styler = chart.getStyler();
    styler.setLocale(Locale.ROOT);
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setChartPadding(14);
    styler.setChartTitleFont(bold);
    styler.setChartTitleBoxVisible(false);
    styler.setLegendPosition(LegendPosition.OutsideS); // inside it hides points
    styler.setLegendLayout(LegendLayout.Horizontal);
    styler.setLegendFont(plain);
    styler.setLegendBorderColor(PALE);
    styler.setPlotBorderVisible(false);
    styler.setXAxisMin(0.0);
    styler.setXAxisTickMarkSpacingHint(90);
    styler.setXAxisDecimalPattern("0.##");
    styler.setMarkerSize(7);
    styler.setAxisTitleFont(plain);
    styler.setAxisTickLabelsFont(plain);
    styler.setPlotGridLinesColor(new Color(0xe4e7ea));
    styler.setPlotGridLinesStroke(new BasicStroke(1));
    return chart;
  }

  /**
   * Makes XChart choose round ticks. It puts ticks at the points themselves where these are evenly
   * spaced, such as 1, 25, 49; an invisible series whose points share no spacing with them makes it
   * choose round numbers. A few points may keep a tick each.
   */
  private static void roundTicks(XYChart chart, double[] x) {
    double last = x[x.length - 1];
    if (x.length <= MAX_TICKED_POINTS || last <= 0) {
      return;
    }
    double[] uneven = {0, last / Math.PI, last};
    XYSeries unseen = chart.addSeries("unseen", uneven, new double[uneven.length]);
    unseen.setShowInLegend(false);
    unseen.setLineStyle(SeriesLines.NONE);
    unseen.setMarker(SeriesMarkers.NONE);
  }

  private static void line(
      XYChart chart, String name, double[] x, double[] y, Color colour, float width) {
    Marker marker =
        x.length <= MAX_MARKED_POINTS && width > 1 ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE;
    XYSeries series = chart.addSeries(name, x, y);
    series.setLineColor(colour);
    series.setLineStyle(new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    series.setMarker(marker);
    series.setMarkerColor(colour);
  }

  private static double[] values(List<StepMetrics> steps, ToDoubleFunction<StepMetrics> value) {
    return steps.stream().mapToDouble(value).toArray();
  }

  /** AP of -1 means undefined and is left out, as NaN is. */
  private static double[] fromZero(
      List<EvaluationMetrics> evaluations, ToDoubleFunction<EvaluationMetrics> value) {
    return evaluations.stream().mapToDouble(value).map(v -> v < 0 ? Double.NaN : v).toArray();
  }

  /** A mean over about the last fiftieth of the points, in which later points weigh more. */
  private static double[] smooth(double[] values) {
    double keep = 1 - 1 / Math.max(1, values.length / 50.0);
    double[] smooth = new double[values.length];
    double sum = 0;
    double weight = 0;
    for (int i = 0; i < values.length; i++) {
      if (Double.isFinite(values[i])) {
        sum = keep * sum + values[i];
        weight = keep * weight + 1;
      }
      smooth[i] = weight == 0 ? Double.NaN : sum / weight;
    }
    return smooth;
  }

  /**
   * The upper end of the axis, above all but 1 % of the steps, so that an outlier of many steps
   * neither compresses the rest of the plot nor bends the smoothed curve for long. Of a hundred
   * steps or fewer none is cut: the highest is the first loss.
   */
  private static double top(double[] raw) {
    double[] finite = Arrays.stream(raw).filter(Double::isFinite).sorted().toArray();
    if (finite.length == 0) {
      return 1;
    }
    double top = finite[(int) Math.ceil((finite.length - 1) * 0.99)];
    return top > 0 ? top * 1.05 : 1;
  }

  private static double[] clip(double[] values, double top) {
    return Arrays.stream(values)
        .map(v -> Double.isFinite(v) ? Math.min(v, top) : Double.NaN)
        .toArray();
  }
}
