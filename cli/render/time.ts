/** An RFC 3339 time as people read it in a table: UTC, to the second. */
export const renderTime = (timestamp: string): string => `${timestamp.slice(0, 10)} ${timestamp.slice(11, 19)}Z`;
