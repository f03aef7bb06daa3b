# The long-running collector's image (Fargate): market-data's, with a process that polls by itself instead of Lambda's client.
# `make images IMAGES="market-data collector"` builds it.
ARG MARKET_DATA_IMAGE=pass-the-image-of-market-data-by-digest
FROM ${MARKET_DATA_IMAGE}
COPY collector.py /var/task/collector.py
ENTRYPOINT ["python3", "/var/task/collector.py"]
ARG MADE_OF
LABEL fanfold.made-of=$MADE_OF
