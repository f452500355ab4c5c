/** The name of the gateway's port. */
export const GATEWAY_PORT = 'gateway';
/** The name of the port of a station that asks for a guest where the gateway is somebody else's: as much ours as the gateway. */
export const NEIGHBOUR_PORT = 'neighbour';
