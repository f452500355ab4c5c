// The wire level of DHCP in one import: fields, list of options, decoder, encoder.
export * from './message-authentication.js';
export * from './message-decode.js';
export * from './message-encode.js';
export * from './message-fields.js';
export * from './message-fit.js';
export * from './message-wire.js';
export * from './option-list.js';
