import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.util.List;

/**
 * java Launcher SETNAME|- MAXBATCH: mongo-java-server in memory, on a free port of 127.0.0.1, which is the first line of
 * output. It ends with its input, so that it never outlives the test that started it.
 *
 * With SETNAME it keeps local.oplog.rs and says hello as the only member of a replica set. The library answers a find or a
 * getMore that names no batch size with all that is left, in one reply of any length: here MAXBATCH documents are the most.
 */
public class Launcher extends MemoryBackend {
    /** The newest that the library knows of says wire version 8; drivers of today want 9 at least. */
    record Version(List<Integer> getVersionArray, int getWireVersion) implements MongoVersion {
        public String toVersionString() {
            return "5.0.0";
        }
    }

    private final String setName;
    private final int maxBatch;
    private volatile String address;

    Launcher(String setName, int maxBatch) {
        this.setName = setName;
        this.maxBatch = maxBatch;
        version(new Version(List.of(5, 0, 0), 13));
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        switch (command.toLowerCase()) {
            case "hello", "ismaster":
                return hello(super.handleCommand(channel, database, "isMaster", query));
            case "endsessions":
                return new Document("ok", 1.0);
            case "find", "getmore":
                limitBatch(query, command.equalsIgnoreCase("find") ? 101 : maxBatch);
                return super.handleCommand(channel, database, command, query);
            default:
                return super.handleCommand(channel, database, command, query);
        }
    }

    private Document hello(Document answer) {
        answer.put("isWritablePrimary", true);
        answer.put("logicalSessionTimeoutMinutes", 30);
        if (setName != null) {
            answer.put("setName", setName);
            answer.put("setVersion", 1);
            answer.put("secondary", false);
            answer.put("hosts", List.of(address));
            answer.put("primary", address);
            answer.put("me", address);
        }
        return answer;
    }

    private void limitBatch(Document query, int usual) {
        long asked = query.get("batchSize") instanceof Number number ? number.longValue() : usual;
        query.put("batchSize", (int) Math.min(asked, maxBatch));
    }

    public static void main(String[] args) throws Exception {
        String setName = args[0].equals("-") ? null : args[0];
        Launcher backend = new Launcher(setName, Integer.parseInt(args[1]));
        MongoServer server = new MongoServer(backend);
        if (setName != null) server.enableOplog();
        server.bind("127.0.0.1", 0);
        int port = server.getLocalAddress().getPort();
        backend.address = "127.0.0.1:" + port;
        System.out.println(port);
        while (System.in.read() != -1) {}
        server.shutdownNow();
        System.exit(0);
    }
}
