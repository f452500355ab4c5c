/** The source of a regular expression that matches this text and nothing else. */
export function literally(text: string): string {
  return text.replaceAll(/[$()*+./?[\\\]^{|}-]/g, '\\$&');
}
