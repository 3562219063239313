# The server, built from this checkout:
#   docker build -t faunadb .
#   docker run -p 8443:8443 -v faunadb:/data -v ./secret:/run/secrets/faunadb:ro --stop-timeout 30 faunadb
FROM python:3.13-slim
COPY setup.py pyproject.toml README.md LICENSE NOTICE /src/
COPY faunadb /src/faunadb
RUN pip install --no-cache-dir '/src[server,postgres,jwt]' && rm -r /src \
    && useradd --system faunadb && install -d -o faunadb /data
USER faunadb
VOLUME /data
EXPOSE 8443
HEALTHCHECK CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8443/ping?scope=all', timeout=5)"]
ENTRYPOINT ["faunadb", "serve", "--host", "0.0.0.0", "--secret-file", "/run/secrets/faunadb"]
CMD ["sqlite:////data/app.db"]
