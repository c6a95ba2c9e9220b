"""One exchange: transport, retry, pace, download, webhook."""
