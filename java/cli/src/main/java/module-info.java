/** The gavel command. */
module dev.gavel.cli {
  requires dev.gavel.text;
  requires static org.jspecify;
}
