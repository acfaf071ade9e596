package dev.gavel.bindings;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/**
 * Collects what the bindings log until it is closed. From the first one on, nothing of it is
 * printed.
 */
final class LogCapture extends Handler implements AutoCloseable {
  // A strong reference: the logging framework itself holds loggers weakly.
  private final Logger logger = Logger.getLogger("dev.gavel.bindings");
  private final BlockingQueue<LogRecord> records = new LinkedBlockingQueue<>();

  LogCapture() {
    logger.setUseParentHandlers(false);
    logger.addHandler(this);
  }

  /** All messages so far. */
  String text() {
    StringBuilder text = new StringBuilder();
    records.forEach(record -> text.append(format(record)));
    return text.toString();
  }

  /** The next message with its stack trace, or an empty text where none comes in time. */
  String await(long milliseconds) throws InterruptedException {
    LogRecord record = records.poll(milliseconds, TimeUnit.MILLISECONDS);
    return record == null ? "" : format(record);
  }

  private static String format(LogRecord record) {
    StringWriter text = new StringWriter();
    PrintWriter writer = new PrintWriter(text);
    writer.println(record.getLevel() + " " + new SimpleFormatter().formatMessage(record));
    Throwable thrown = record.getThrown();
    if (thrown != null) {
      thrown.printStackTrace(writer);
    }
    writer.flush();
    return text.toString();
  }

  @Override
  public void publish(LogRecord record) {
    records.add(record);
  }

  @Override
  public void flush() {}

  @Override
  public void close() {
    logger.removeHandler(this);
  }
}
