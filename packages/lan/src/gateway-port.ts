/** The name of the gateway's port. */
export const GATEWAY_PORT = 'gateway';
