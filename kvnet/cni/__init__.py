"""CNI configurations as attrs classes, one for each plugin; ``kvnet.manifest.cni`` reads them."""
