import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;

/** Java's own client, told to prefer HTTP/2 without TLS: it asks for "Upgrade: h2c" with its first request. */
class Upgrading {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
        HttpRequest.Builder request =
            HttpRequest.newBuilder(URI.create(arguments[0])).header("Authorization", "Bearer secret");
        for (int number = 0; number < 3; number++) {
            HttpRequest query =
                request.copy().POST(HttpRequest.BodyPublishers.ofString("{\"add\":[1," + number + "]}")).build();
            HttpResponse<String> answer = client.send(query, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.version() + " " + answer.statusCode() + " " + answer.body());
        }
        HttpRequest stream =
            HttpRequest.newBuilder(URI.create(arguments[0] + "/stream")).header("Authorization", "Bearer secret")
                .POST(HttpRequest.BodyPublishers.ofString("{\"documents\":{\"collection\":\"c\"}}")).build();
        CompletableFuture<String> first = new CompletableFuture<>();
        client.sendAsync(stream, HttpResponse.BodyHandlers.ofLines())
            .thenAccept(answer -> answer.body().findFirst().ifPresent(first::complete));
        System.out.println(first.get().contains("\"start\""));
        System.exit(0);
    }
}
